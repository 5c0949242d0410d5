# The code in the documentation runs, block by block.

test_that("the tutorial runs", {
  page <- Sys.getenv("DSP_TUTORIAL")
  # Outside of a checkout there is none.
  skip_if(!nzchar(page), "DSP_TUTORIAL does not name docs/tutorials/r.md")
  home_of("alice")
  withr::local_envvar(DSP_HOME = new_home("docs"))
  lines <- readLines(page, encoding = "UTF-8")
  begins <- which(lines == "```r")
  ends <- vapply(begins, function(at) at + which(lines[-seq_len(at)] == "```")[[1]], 1L)
  expect_gte(length(begins), 8)
  names <- new.env(parent = globalenv())
  for (at in seq_along(begins)) {
    code <- parse(text = lines[seq(begins[[at]] + 1, ends[[at]] - 1)], encoding = "UTF-8")
    capture.output(for (part in as.list(code)) eval(part, names))
  }
  expect_identical(names$table$total, c(12.5, 7, 0.1))
  expect_match(names$message, "sales/yearly")
})
