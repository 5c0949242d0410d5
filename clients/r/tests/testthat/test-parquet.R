# Tables of other clients, which the daemon turns into CSV with a note of their types.

# Returns the Parquet that the daemon makes of a table.
as_parquet <- function(stack) {
  file <- file.path(tempfile("parquet"), "table.parquet")
  dir.create(dirname(file))
  ref <- paste0(stack, "#", basename(stack), ".csv")
  dsp:::download(dsp:::client(), "/table", list(ref = ref, format = "parquet"), file, NA)
  file
}

test_that("a table that went through Parquet is the same", {
  as_person("alice")
  skip_if_not_installed("bit64")
  set.seed(11)
  table <- data.frame(
    code = c("007", "a\"b,\r\n100%0D", NA, ""),
    size = factor(c("small", "large", NA, "small"), c("small", "medium", "large"), ordered = TRUE),
    kind = factor(c("b", "a", "b", "a"), levels = c("b", "a", "unused")),
    day = as.Date(c("2024-02-29", NA, "1969-12-31", "0001-01-01")),
    at = .POSIXct(c(1700000000.123456, NA, 1.5e9, 0), tz = "Europe/Berlin"),
    n = c(1L, NA, -.Machine$integer.max, 0L),
    x = c(0.1 + 0.2, NA, NaN, 5e-324),
    edge = c(Inf, -Inf, .Machine$double.xmax, 1 / 3),
    random = stats::runif(4) * 10^stats::runif(4, -300, 300),
    ok = c(TRUE, NA, FALSE, TRUE),
    took = as.difftime(c(90, NA, 180, 0.5), units = "secs"),
    id = bit64::as.integer64(c("9007199254740993", NA, "-1", "0"))
  )
  push_frame("through", table)
  push_frame("parquet", dsp_file(as_parquet("through")))
  back <- pull_data("parquet")
  expect_identical(back[names(back) != "id"], table[names(table) != "id"])
  expect_s3_class(back$id, "integer64")
  expect_identical(as.character(back$id), as.character(table$id))
})

test_that("times beyond those of nanoseconds go through Parquet", {
  as_person("alice")
  table <- data.frame(
    old = as.POSIXct(c("1500-01-01 00:00:00.5", NA, "9999-12-31 23:59:59"), tz = "UTC"),
    zone = .POSIXct(c(-6e10, 1700000000.123456, NA), tz = "Europe/Berlin"),
    none = .POSIXct(c(1e11, 0, NA)),
    took = as.difftime(c(NaN, NA, 1), units = "secs")
  )
  push_frame("beyond", table)
  expect_identical(pull_data("beyond"), table)
  push_frame("parquet", dsp_file(as_parquet("beyond")))
  back <- pull_data("parquet")
  expect_identical(lapply(back, as.numeric), lapply(transform(table, took = c(NA, NA, 1)), as.numeric))
  expect_identical(attr(back$zone, "tzone"), "Europe/Berlin")
})

test_that("random numbers that went through Parquet come back to the last bit", {
  as_person("alice")
  set.seed(7)
  x <- c(stats::runif(5000) * 10^stats::runif(5000, -300, 300), stats::runif(5000))
  push_frame("random", data.frame(x = x))
  push_frame("parquet", dsp_file(as_parquet("random")))
  expect_identical(pull_data("parquet")$x, x)
})

test_that("a table that pandas wrote comes with its types", {
  as_person("alice")
  push_frame("pandas", dsp_file(test_path("pandas.parquet")))
  table <- pull_data("pandas")
  expect_identical(table$code, c("007", "", NA))
  expect_identical(table$size, factor(c("large", NA, "small"), c("small", "large"), ordered = TRUE))
  expect_s3_class(table$day, "POSIXct")
  expect_identical(format(table$day), c("2024-02-29", NA, "1969-12-31"))
  expect_identical(attr(table$at, "tzone"), "Europe/Berlin")
  expect_identical(as.numeric(table$at), c(1700000000.25, NA, 0))
  expect_identical(table$n, c(1L, 2L, 3L))
  expect_identical(table$ok, c(TRUE, NA, FALSE))
  expect_s3_class(table$id, "integer64")
  expect_identical(as.character(table$id), c("9007199254740993", NA, "-1"))
  expect_identical(table$list, c("[1,2]", "[]", NA))
  expect_identical(table$index, c("a", "b", "c"))
})

test_that("a Parquet file that lies is told, and pull() gives it as it is", {
  as_person("alice")
  file <- file.path(tempfile("lies"), "lies.parquet")
  dir.create(dirname(file))
  writeBin(c(charToRaw("PAR1"), as.raw(c(255, 255, 255, 127)), charToRaw("PAR1")), file)
  push_frame("lying", dsp_file(file))
  expect_error(pull_data("lying"), "damaged or lies", class = "dsp_error")
  expect_error(pull("lying"), "damaged or lies", class = "dsp_error")
  expect_identical(file.size(pull("lying", filename = tempfile(fileext = ".parquet"))), 12)
})
