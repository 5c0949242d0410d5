# Finding the daemon, starting it, and what is said where there is none.

test_that("a daemon that does not run is started", {
  home_of("alice")
  withr::local_envvar(DSP_HOME = new_home("fresh"))
  told <- capture_messages(push_frame("first", "started by itself"))
  # Of the first start alone.
  expect_match(paste(told, collapse = ""), "first start: you are .*the recovery key is only on")
  run_dsp(Sys.getenv("DSP_HOME"), "daemon", "stop")
  expect_silent(pull_data("first"))
  expect_identical(pull_data("first"), "started by itself")
})

test_that("where there is no dsp it is said how to get it", {
  withr::local_envvar(DSP_HOME = tempfile(), PATH = "relative:/nowhere")
  expect_error(dsp_ls(), "install dsp .*DSP_URL", class = "dsp_error_daemon_not_found")
})

test_that("a dsp in the current folder is not run", {
  folder <- tempfile("here")
  dir.create(file.path(folder, "bin"), recursive = TRUE)
  trap <- file.path(folder, "bin", "dsp")
  writeLines(c("#!/bin/sh", "touch sprung"), trap)
  Sys.chmod(trap, "0755")
  withr::local_dir(folder)
  withr::local_envvar(DSP_HOME = tempfile(), PATH = "bin:/nowhere")
  expect_error(dsp_ls(), "no dsp to start it", class = "dsp_error_daemon_not_found")
  expect_false(file.exists("sprung"))
})

test_that("a daemon that cannot start says why", {
  home_of("alice")
  home <- new_home("broken")
  writeLines("nonsense = [", file.path(home, "config.toml"))
  withr::local_envvar(DSP_HOME = home)
  expect_error(dsp_ls(), "could not be started.*TOML parse error", class = "dsp_error_daemon_not_found")
})

test_that("a file of a daemon that is gone is not believed", {
  home_of("alice")
  home <- new_home("stale")
  dir.create(file.path(home, "run"))
  file <- address_of("alice")
  # Another program answers there: a daemon, but not the one of this home.
  file$pid <- 1
  writeLines(to_json(file), file.path(home, "run", "client.json"))
  expect_null(answering(client_file(home)))
  writeLines("{\"address\": \"http", file.path(home, "run", "client.json"))
  expect_null(client_file(home))
})

test_that("an address and a token name a daemon elsewhere", {
  file <- address_of("alice")
  withr::local_envvar(DSP_URL = file$address, DSP_TOKEN = file$token)
  push_frame("elsewhere", data.frame(a = 1))
  expect_identical(pull_data("elsewhere"), data.frame(a = 1))
  withr::local_envvar(DSP_TOKEN = "wrong")
  expect_error(dsp_ls(), class = "dsp_error_unauthorized")
  withr::local_envvar(DSP_TOKEN = NA)
  expect_error(dsp_ls(), "DSP_TOKEN shows a token", class = "dsp_error_unauthorized")
  withr::local_envvar(DSP_URL = "nonsense")
  expect_error(dsp_ls(), "no address of a daemon", class = "dsp_error_configuration")
  withr::local_envvar(DSP_URL = "http://127.0.0.1:1")
  expect_error(dsp_ls(), "no daemon answers at.*DSP_URL named it",
    class = "dsp_error_daemon_not_found"
  )
})

test_that("dstack's configure names a daemon", {
  file <- address_of("alice")
  before <- dsp_configure(user = "dstack", token = file$token, server = paste0(file$address, "/api"))
  withr::defer(do.call(dsp_configure, before))
  expect_false(client()$local)
  expect_s3_class(dsp_ls(), "data.frame")
  expect_output(print(client()), file$address)
  expect_false(grepl(file$token, paste(capture.output(print(client())), collapse = "")))
  expect_error(dsp_configure(profile = "work"), "no profile `work`")
  expect_error(dsp_configure(persist = "global", server = "http://x", token = "t"), "Renviron")
  expect_error(dsp_configure(token = "t"), "without a server")
})

test_that("a large file goes both ways without being held in memory", {
  file <- address_of("alice")
  withr::local_envvar(DSP_URL = file$address, DSP_TOKEN = file$token)
  large <- tempfile(fileext = ".bin")
  withr::defer(unlink(large))
  con <- file(large, "wb")
  for (n in 1:128) {
    writeBin(rep(as.raw(n), 2^20), con)
  }
  close(con)
  gc(reset = TRUE)
  push_frame("large", dsp_file(large))
  back <- pull("large")
  peak <- sum(gc()[, 6])
  now <- sum(gc()[, 2])
  # What waits to be collected counts too.
  expect_lt(peak - now, 96)
  expect_identical(unname(tools::md5sum(back)), unname(tools::md5sum(large)))
  unlink(back)
})

test_that("a download that ends early leaves no file", {
  as_person("alice")
  push_frame("short", "twelve bytes")
  found <- find_attachment(client(), "short", list())
  found$size <- 13
  folder <- tempfile("short")
  dir.create(folder)
  target <- file.path(folder, "out.txt")
  expect_error(save_attachment(client(), found, target), "of 13 bytes .* only 12",
    class = "dsp_error_connection_lost"
  )
  expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), character())
  expect_error(pull("short", filename = file.path(folder, "no", "x")), "no such folder")
})

test_that("a push of a file that went away is refused, and nothing is pushed", {
  as_person("alice")
  gone <- tempfile(fileext = ".txt")
  writeLines("x", gone)
  frame <- commit(create_frame("gone"), dsp_file(gone))
  unlink(gone)
  expect_error(push(frame), "is gone", class = "dsp_error_file")
  expect_error(pull("gone"), class = "dsp_error_not_found")
})

test_that("an error does not steer the terminal", {
  error <- tryCatch(refuse("a\033[2Jb", "do\007", causes = "c\033"), dsp_error = identity)
  expect_false(grepl("[\033\007]", conditionMessage(error)))
  expect_match(conditionMessage(error), "a[2Jb", fixed = TRUE)
})

test_that("the page is opened by a login of once", {
  as_person("alice")
  opened <- NULL
  withr::local_options(browser = function(url) opened <<- url)
  expect_identical(dsp_open(), address_of("alice")$address)
  expect_match(opened, "^http://127.0.0.1:[0-9]+/login#")
  expect_error(dsp_open("nothing/here"), class = "dsp_error_not_found")
})

test_that("an error of a script has no backtrace, and short ids", {
  as_person("alice")
  push_frame("short", "text", n = 1)
  expect_error(pull_data("short", n = 2), "short@[0-9a-f]{8} fits", class = "dsp_error_no_match")
  script <- tempfile(fileext = ".R")
  writeLines("dsp::pull_data('nothing/at/all')", script)
  told <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--vanilla", script), stdout = TRUE, stderr = TRUE
  ))
  expect_match(paste(told, collapse = "\n"), "no stack `nothing/at/all`")
  expect_no_match(paste(told, collapse = "\n"), "Backtrace")
})

test_that("a daemon that does not answer is told in time", {
  as_person("silent")
  push_frame("silent", "text")
  pid <- address_of("silent")$pid
  set_seconds <- function(seconds) {
    inside <- asNamespace("dsp")
    unlockBinding("SMALL_SECONDS", inside)
    assign("SMALL_SECONDS", seconds, inside)
    lockBinding("SMALL_SECONDS", inside)
  }
  before <- dsp:::SMALL_SECONDS
  set_seconds(1)
  withr::defer(set_seconds(before))
  tools::pskill(pid, tools::SIGSTOP)
  withr::defer(tools::pskill(pid, tools::SIGCONT))
  expect_error(dsp_ls(), "did not answer in 1 seconds", class = "dsp_error_no_answer")
})

test_that("a daemon that is absent, one that is silent and a connection that broke are told apart", {
  client <- list(address = "http://127.0.0.1:1", socket = NULL, local = FALSE)
  said <- function(cause) {
    class(tryCatch(dsp:::unreachable(client, cause, 30), dsp_error = identity))[[1]]
  }
  for (cause in c(
    "Failed to connect to 127.0.0.1 port 1: Connection refused",
    "Timeout was reached [10.0.0.1]: Failed to connect to 10.0.0.1 port 1 after 5001 ms",
    "Connection timed out after 5001 milliseconds",
    "Could not resolve host: nowhere"
  )) {
    expect_identical(said(cause), "dsp_error_daemon_not_found", info = cause)
  }
  slow <- "Timeout was reached [here]: Operation too slow. Less than 1 bytes/sec transferred"
  expect_identical(said(slow), "dsp_error_no_answer")
  for (cause in c(
    "Failure when receiving data from the peer [here]: Recv failure: Connection reset by peer",
    "transfer closed with 3 bytes remaining to read",
    "Connection died, tried 5 times before giving up"
  )) {
    expect_identical(said(cause), "dsp_error_connection_lost", info = cause)
  }
})

test_that("stacks of others are not pushed to", {
  as_person("alice")
  expect_error(push_frame("/bob/x", "text"), "stack of bob, .*push to \"x\"")
})
