# Runs the tests of the installed package, and prints the outcomes as Rust's tests do.
#
#   Rscript tools/test.R FOLDER-OF-TESTS

folder <- commandArgs(trailingOnly = TRUE)[[1]]
results <- testthat::test_dir(
  folder,
  package = "dsp",
  load_package = "installed",
  reporter = "check",
  stop_on_failure = FALSE
)
counts <- c(passed = 0, failed = 0, ignored = 0)
for (result in results) {
  kinds <- lapply(result$results, class)
  is_any <- function(...) any(vapply(kinds, function(kind) any(c(...) %in% kind), TRUE))
  # A warning that nobody expects is a failure.
  outcome <- if (is_any("expectation_failure", "expectation_error", "expectation_warning")) {
    "failed"
  } else if (is_any("expectation_skip") || length(kinds) == 0) {
    "ignored"
  } else {
    "passed"
  }
  counts[[outcome]] <- counts[[outcome]] + 1
  said <- c(passed = "ok", failed = "FAILED", ignored = "ignored")[[outcome]]
  cat("test r::", result$file, ": ", result$test, " ... ", said, "\n", sep = "")
}
cat(
  "test result: ", if (counts[["failed"]] == 0) "ok" else "FAILED", ". ",
  paste0(counts, " ", names(counts), collapse = "; "), "\n",
  sep = ""
)
quit(status = if (counts[["failed"]] == 0) 0 else 1)
