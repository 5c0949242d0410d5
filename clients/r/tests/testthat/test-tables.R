# Tables come back as they were.

test_that("every type of column comes back", {
  as_person("alice")
  table <- data.frame(
    code = c("007", "042", NA),
    size = factor(c("small", "large", NA), levels = c("small", "medium", "large"), ordered = TRUE),
    kind = factor(c("b", "a", "b"), levels = c("b", "a", "unused")),
    day = as.Date(c("2024-02-29", NA, "1969-12-31")),
    at = .POSIXct(c(1700000000.123456, NA, 1.5e9), tz = "Europe/Berlin"),
    local = as.POSIXct(c(0, 1, 2), origin = "1970-01-01"),
    n = c(1L, NA, -.Machine$integer.max),
    x = c(0.1 + 0.2, NA, NaN),
    edge = c(Inf, -Inf, 5e-324),
    ok = c(TRUE, NA, FALSE),
    took = as.difftime(c(1.5, NA, 3), units = "mins")
  )
  back <- round_trip(table)
  expect_identical(back[names(back) != "at"], table[names(table) != "at"])
  expect_identical(as.numeric(back$at), as.numeric(table$at))
  expect_identical(attr(back$at, "tzone"), "Europe/Berlin")
  expect_true(is.nan(back$x[[3]]))
  expect_false(is.nan(back$x[[2]]))
})

test_that("integers of 64 bits come back", {
  as_person("alice")
  skip_if_not_installed("bit64")
  table <- data.frame(id = bit64::as.integer64(c("9007199254740993", NA, "-1")))
  back <- round_trip(table)
  expect_s3_class(back$id, "integer64")
  expect_identical(as.character(back$id), as.character(table$id))
})

test_that("text comes back to the letter", {
  as_person("alice")
  table <- data.frame(
    odd = c("a\"b", "c,d", "line\nbreak", "dos\r\nbreak", "tab\t", " blanks ", "\\n", "100%0D", "#"),
    empty = c("", NA, "NA", "NA_", "x", "", "", "", ""),
    more = c("", "", "z", "", "", "", "", "", ""),
    euro = rep("\u20ac \u00e4 \U1f600", 9)
  )
  expect_identical(round_trip(table), table)
  latin <- table
  latin$euro <- iconv(rep("caf\u00e9", 9), "UTF-8", "latin1")
  expect_identical(enc2utf8(round_trip(latin)$euro), rep("caf\u00e9", 9))
})

test_that("a table of one column keeps its missing rows", {
  as_person("alice")
  for (column in list(c("a", NA, ""), c(1.5, NA), c(NA, TRUE), c(NA, 3L), as.Date(c(NA, "2024-01-01")))) {
    table <- data.frame(only = column)
    expect_identical(round_trip(table), table)
  }
})

test_that("labels of rows and odd names of columns come back", {
  as_person("alice")
  expect_identical(round_trip(mtcars), mtcars)
  odd <- stats::setNames(data.frame(1:2, 3:4, 5:6), c("a b", "a b", "line\nbreak \"q\""))
  expect_identical(round_trip(odd), odd)
})

test_that("tables without rows and with one come back", {
  as_person("alice")
  table <- data.frame(a = character(), b = numeric(), d = as.Date(character()))
  expect_identical(round_trip(table), table)
  expect_identical(round_trip(data.frame(a = 1)), data.frame(a = 1))
})

test_that("random numbers come back to the last bit", {
  as_person("alice")
  set.seed(7)
  x <- c(stats::runif(5000) * 10^stats::runif(5000, -300, 300), 1 / 3, .Machine$double.xmax)
  at <- .POSIXct(stats::runif(5002, 1e8, 2e9), tz = "UTC")
  back <- round_trip(data.frame(x = x, at = at))
  expect_identical(back$x, x)
  expect_identical(as.numeric(back$at), as.numeric(at))
})

test_that("tibbles and data.tables stay what they are", {
  as_person("alice")
  skip_if_not_installed("tibble")
  skip_if_not_installed("data.table")
  tibble <- tibble::tibble(a = c("007", ""), b = factor(c("x", "y")))
  expect_identical(round_trip(tibble), tibble)
  table <- data.table::data.table(a = 1:3, b = c("x", NA, "z"))
  back <- round_trip(table)
  expect_s3_class(back, "data.table")
  expect_identical(as.list(back), as.list(table))
})

test_that("the note says the types to anybody", {
  as_person("alice")
  push_frame("noted", data.frame(f = factor("b", levels = c("b", "a"))), region = "EU")
  note <- jsonlite::fromJSON(pull("noted#noted.csv-metadata.json"), simplifyVector = FALSE)
  expect_identical(note[["@context"]], "http://www.w3.org/ns/csvw")
  expect_identical(note$url, "noted.csv")
  column <- note$tableSchema$columns[[1]]
  expect_identical(column$titles, "f")
  expect_identical(column[["dsp:levels"]], list("b", "a"))
})

test_that("what no column can hold is refused with its name", {
  as_person("alice")
  table <- data.frame(a = 1:2)
  table$z <- c(1i, 2i)
  expect_error(push_frame("bad", table), "column `z`.*complex", class = "dsp_error_unsupported_type")
  table$z <- list(1, 2)
  expect_error(push_frame("bad", table), "column `z`.*list", class = "dsp_error_unsupported_type")
  table$z <- as.POSIXlt(c(0, 1), origin = "1970-01-01", tz = "UTC")
  expect_error(push_frame("bad", table), "column `z`", class = "dsp_error_unsupported_type")
  table$z <- c("fine", "caf\xe9")
  Encoding(table$z) <- "UTF-8"
  expect_error(push_frame("bad", table), "column `z`.*row 2", class = "dsp_error_unsupported_type")
  table$z <- as.Date(c(0.5, 1), origin = "1970-01-01")
  expect_error(push_frame("bad", table), "column `z`.*part of a day")
  expect_error(push_frame("bad", data.frame()), "without columns")
  expect_error(pull_data("bad"), class = "dsp_error_not_found")
})

# Pushes lines as a file and returns the table that comes of it.
pull_file <- function(name, lines) {
  file <- file.path(tempfile("file"), name)
  dir.create(dirname(file))
  writeLines(lines, file, useBytes = TRUE)
  push_frame("plain", dsp_file(file))
  pull_data("plain")
}

test_that("a plain CSV keeps leading zeros, and a broken one is told with its place", {
  as_person("alice")
  back <- pull_file("plain.csv", c("\ufeffcode,n,x,id", "007,1,0.5,3000000000", "042,,\"a,b\",4"))
  expect_identical(names(back), c("code", "n", "x", "id"))
  expect_identical(back$code, c("007", "042"))
  expect_identical(back$n, c(1L, NA))
  expect_identical(back$id, c(3e9, 4))
  expect_error(pull_file("plain.csv", c("a,b", "1,2", "xy\xe9z,1")), "line 3, column 3",
    class = "dsp_error_damaged"
  )
  expect_error(pull_file("plain.csv", c("a,b", "1,2,3")), "plain@.*line 2")
})

test_that("tables in other formats are those that the daemon reads", {
  as_person("alice")
  table <- data.frame(a = c("1,5", "7"), b = 2:3)
  expect_identical(pull_file("plain.csv", c("a;b", "1,5;2", "7;3")), table)
  expect_identical(pull_file("plain.tsv", c("a\tb", "1,5\t2", "7\t3")), table)
  lines <- c("{\"a\":\"1,5\",\"b\":2}", "{\"a\":\"7\",\"b\":3}")
  expect_identical(pull_file("plain.jsonl", lines), table)
  # The file as it was pushed, and as CSV.
  expect_identical(readLines(pull("plain", filename = tempfile(fileext = ".jsonl"))), lines)
  expect_identical(utils::read.csv(pull("plain")), table)
  expect_match(pull("plain"), "plain.csv$")
})

test_that("a note that lies is told", {
  as_person("alice")
  folder <- tempfile("lies")
  dir.create(folder)
  csv <- file.path(folder, "t.csv")
  note <- file.path(folder, "t.csv-metadata.json")
  lie <- function(lines, columns, rows = 1) {
    writeLines(lines, csv)
    writeLines(to_json(list(tableSchema = list(columns = columns), "dsp:rows" = rows)), note)
    frame <- commit(create_frame("lies"), dsp_file(csv))
    push(commit(frame, dsp_file(note)))
    pull_data("lies")
  }
  day <- list(titles = "a", datatype = "date")
  expect_error(lie(c("a", "soon"), list(day)), "row 1 is no date", class = "dsp_error_damaged")
  expect_error(lie(c("a", "2024-01-01"), list(day, day)), "1 columns.*tells of 2")
  expect_error(lie(c("a", "2024-01-01"), list(day), rows = 5), "1 rows.*tells of 5")
  expect_error(lie(c("a", "x"), list(list(datatype = "int"))), class = "dsp_error_damaged")
  expect_error(lie(c("a", "x"), list(list(datatype = "geo"))), "`geo`, which is not known")
  expect_error(lie(c("a", "\"x"), list(list(datatype = "string"))), class = "dsp_error_damaged")
  levels <- list(titles = "a", datatype = "string", "dsp:levels" = list("p", "q"))
  expect_error(lie(c("a", "r"), list(levels)), "row 1", class = "dsp_error_damaged")
  levels[["dsp:levels"]] <- list("r", "r")
  expect_error(lie(c("a", "r"), list(levels)), class = "dsp_error_damaged")
  expect_error(lie(c("a", "r"), list()), "names no columns", class = "dsp_error_damaged")
  expect_error(lie(c("a", "r"), list("a")), "names no columns", class = "dsp_error_damaged")
  withr::local_envvar(TZ = "UTC")
  moment <- list(titles = "a", datatype = "dateTime", "dsp:zone" = "../../evil zone")
  expect_null(attr(lie(c("a", "2024-01-01T00:00:00Z"), list(moment))$a, "tzone"))
  writeLines(strrep(" ", 17 * 1024^2), note)
  push(commit(commit(create_frame("lies"), dsp_file(csv)), dsp_file(note)))
  expect_error(pull_data("lies"), "bytes; 16777216 are read", class = "dsp_error_damaged")
  for (text in c("nonsense", "", strrep("[", 200000), strrep("{\"a\":", 100000))) {
    writeLines(text, note)
    push(commit(commit(create_frame("lies"), dsp_file(csv)), dsp_file(note)))
    expect_error(pull_data("lies"), "note of the types of .* is no JSON", class = "dsp_error_damaged")
  }
})

test_that("labels of rows that are numbers, and the key of a data.table, come back", {
  as_person("alice")
  some <- iris[c(3, 140), ]
  expect_identical(round_trip(some), some)
  expect_identical(round_trip(iris), iris)
  skip_if_not_installed("data.table")
  keyed <- data.table::data.table(a = 2:1, b = c("x", "y"), key = "a")
  expect_identical(data.table::key(round_trip(keyed)), "a")
})

test_that("what does not come back is told", {
  as_person("alice")
  labelled <- data.frame(a = 1:2)
  attr(labelled$a, "label") <- "How many"
  expect_warning(push_frame("told", labelled), "not kept: the attribute `label` of the column `a`",
    class = "dsp_warning"
  )
  noted <- structure(data.frame(a = 1), note = "x", class = c("mine", "data.frame"))
  expect_warning(push_frame("told", noted), "`note` of the table, the class `mine` of the table")
  expect_warning(push_frame("told", data.frame(a = I(c("x", "y")))), "the class `AsIs`")
  expect_identical(pull_data("told"), data.frame(a = c("x", "y")))
})

test_that("times that no text can say are refused by their row", {
  as_person("alice")
  for (bad in list(.POSIXct(c(1, Inf)), .POSIXct(c(1, -1e11)), .POSIXct(c(1, 1e12)),
    .Date(c(1, Inf)), .Date(c(1, 5e6)), .Date(c(1, 0.5)))) {
    expect_error(push_frame("bad", data.frame(when = bad)), "`when` .* in row 2",
      class = "dsp_error_unsupported_type"
    )
  }
  gone <- data.frame(d = .Date(c(NaN, 1)), t = .POSIXct(c(1, NaN), tz = "UTC"), n = 1:2)
  expect_equal(round_trip(gone), gone)
})

test_that("numbers that are none come back in a table of one column", {
  as_person("alice")
  for (only in list(c(NaN, NA, Inf), as.difftime(c(NaN, NA, 1.5), units = "days"))) {
    table <- data.frame(only = only)
    expect_identical(round_trip(table), table)
  }
})

test_that("bytes that are no text are refused, and nothing is made of them", {
  as_person("alice")
  bad <- c("fine", rawToChar(as.raw(c(0x4a, 0xfc))))
  refused <- function(object, ...) {
    expect_error(push_frame("bad", object, ...), "not in its encoding",
      class = "dsp_error_unsupported_type"
    )
  }
  for (locale in c("C", "C.UTF-8")) {
    withr::with_locale(c(LC_CTYPE = locale), {
      refused(data.frame(s = bad))
      refused(data.frame(f = factor(bad)))
      refused(bad[[2]])
      refused(1, message = bad[[2]])
      refused(1, description = bad[[2]])
      refused(1, region = bad[[2]])
      # The bytes of a text in UTF-8 that nobody marked as such.
      push_frame("unmarked", data.frame(s = rawToChar(as.raw(c(0xc3, 0xa4)))))
    })
    expect_identical(pull_data("unmarked")$s, "\u00e4")
  }
})

test_that("numbers of a large table are written in parts and come back", {
  set.seed(1)
  rows <- 70000
  long <- stats::rnorm(rows)
  odd <- c(-0, NA, NaN, Inf, -Inf, 0.1 + 0.2, 5e-324, -1.7976931348623157e308, 1e15, 123456.789)
  tables <- list(
    data.frame(long = long),
    data.frame(long = long, more = rev(long)),
    data.frame(short = c(1e14, seq_len(rows) / 1000)),
    data.frame(long = long, short = c(-0, round(long[-1], 2)), id = seq_len(rows)),
    data.frame(long = c(long, odd), short = c(seq_len(rows) / 4, rev(odd)))
  )
  digits <- getOption("digits")
  signs <- function(table) lapply(table, function(column) 1 / column)
  for (table in tables) {
    file <- withr::local_tempfile()
    back <- dsp:::read_table(file, dsp:::write_table(table, file), "here")
    expect_identical(back, table)
    # Zero has a sign, which identical() does not tell.
    expect_identical(signs(back), signs(table))
  }
  expect_identical(getOption("digits"), digits)
  expect_identical(readLines(file, 2)[[2]], paste0(sprintf("%.17g", long[[1]]), ",0.25"))
})

test_that("who waits for a large table sees how far it is", {
  table <- data.frame(n = seq_len(200000) / 8)
  file <- withr::local_tempfile()
  seen <- new.env()
  note <- function(set) seen$rows <- c(seen$rows, set)
  cli <- asNamespace("cli")
  suppressMessages(
    trace("cli_progress_update", bquote(.(note)(set)), where = cli, print = FALSE)
  )
  withr::defer(suppressMessages(untrace("cli_progress_update", where = cli)))
  dsp:::write_table(table, file)
  expect_null(seen$rows)
  rlang::with_interactive(dsp:::write_table(table, file), value = TRUE)
  expect_gt(length(seen$rows), 3)
  expect_true(all(diff(seen$rows) > 0) && max(seen$rows) < 200000)
})
