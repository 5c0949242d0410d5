# Two daemons: what one pushes the other pulls, and what is another's is not run.

followed <- function() {
  as_person("alice")
  push_frame("shared/table", data.frame(code = c("007", NA), f = factor(c("x", "y"))), region = "EU")
  push_frame("shared/model", dsp_rds(list(secret = 42)))
  ticket <- run_dsp(home_of("alice"), "--yes", "share")
  expect_error(push_frame("shared/table", "x", access = "private"), "would not be private: .* main")
  push_frame("shared/diary", "x", access = "private")
  push_frame("shared/diary", "y", access = "private")
  expect_identical(pull_data("me/private:shared/diary"), "y")
  expect_false(any(grepl("diary", dsp_ls("main")$reference)))
  as_person("bob")
  suppressMessages(dsp_follow(paste0(ticket, "\n")))
}

test_that("what another shares is pulled with its types, and not run", {
  found <- followed()
  expect_identical(found$label, "alice/main")
  expect_true(found$synced)
  expect_true("alice:shared/table" %in% found$stacks)
  as_person("bob")
  table <- data.frame(code = c("007", NA), f = factor(c("x", "y")))
  expect_identical(pull_data("alice:shared/table", region = "EU"), table)
  expect_identical(pull_data("/alice/shared/table"), table)
  expect_identical(utils::read.csv(pull("/alice/shared/table"), colClasses = "character")$code[[1]], "007")
  expect_true("alice:shared/table" %in% dsp_ls("alice/main")$reference)
  expect_error(pull_data("me:shared/table"), class = "dsp_error_not_found")

  expect_error(pull_data("alice:shared/model"), "R object by alice.*trust = TRUE",
    class = "dsp_error_untrusted"
  )
  expect_identical(pull_data("alice:shared/model", trust = TRUE), list(secret = 42))
  expect_true(file.exists(pull("alice:shared/model")))
  run_dsp(home_of("bob"), "--yes", "trust", "alice", "--code")
  expect_identical(pull_data("alice:shared/model"), list(secret = 42))
  expect_error(push_frame("alice:shared/table", "mine now"), class = "dsp_error")
})

test_that("a ticket that is none is refused", {
  as_person("bob")
  expect_error(dsp_follow("dsp1nonsense"), class = "dsp_error")
  expect_error(dsp_follow(c("a", "b")), "one text")
})
