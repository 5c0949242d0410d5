# Bytes that the daemon has are not sent again.

# Puts a function of ours in place of one of the package until the test ends.
instead <- function(name, value, frame = parent.frame()) {
  before <- utils::getFromNamespace(name, "dsp")
  utils::assignInNamespace(name, value, "dsp")
  withr::defer(utils::assignInNamespace(name, before, "dsp"), envir = frame)
}

test_that("known bytes are not sent a second time", {
  as_person("alice")
  skip_if_not_installed("digest")
  table <- data.frame(x = stats::runif(10))
  sent <- character()
  send <- dsp:::send
  instead("send", function(client, method, path, ...) {
    sent <<- c(sent, paste(method, sub("/blobs/.*", "/blobs/HASH", path)))
    send(client, method, path, ...)
  })
  push_frame("known/one", table)
  expect_identical(sum(sent == "PUT /blobs"), 2L)
  expect_identical(sum(sent == "HEAD /blobs/HASH"), 2L)
  sent <- character()
  # The note of a table tells the name of its file: that one is another.
  push_frame("known/two", table, "the same once more")
  expect_identical(sum(sent == "PUT /blobs"), 1L)
  expect_identical(pull_data("known/two"), table)
  # Without the package that hashes, everything is sent as before.
  instead("blake3", function(file) NULL)
  sent <- character()
  push_frame("known/three", table)
  expect_identical(sum(sent == "PUT /blobs"), 2L)
  expect_identical(sum(sent == "HEAD /blobs/HASH"), 0L)
})

test_that("bytes that are not those that were hashed are refused", {
  as_person("alice")
  skip_if_not_installed("digest")
  file <- tempfile()
  writeLines("other bytes", file)
  wrong <- strrep("0", 64)
  expect_error(
    dsp:::send(dsp:::client(), "PUT", "/blobs", file = file, blake3 = wrong),
    "hash to",
    class = "dsp_error"
  )
})
