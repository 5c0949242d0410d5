# Two daemons and two languages: what Python pushes on one R pulls on the other, with its types, and
# the other way round.

# Runs Python in the home of a person.
run_python <- function(name, code) {
  python <- Sys.getenv("DSP_PYTHON")
  skip_if(!nzchar(python), "no Python with its client, DSP_PYTHON")
  script <- tempfile(fileext = ".py")
  on.exit(unlink(script))
  writeLines(code, script)
  # R's own libraries are not those of Python.
  told <- withr::with_envvar(
    c(DSP_HOME = home_of(name), LD_LIBRARY_PATH = NA),
    system2(python, script, stdout = TRUE, stderr = TRUE)
  )
  if (!is.null(attr(told, "status"))) {
    stop("Python failed:\n", paste(told, collapse = "\n"))
  }
  told
}

# The CSV that the daemon makes of a table.
pull_csv <- function(ref) {
  file <- tempfile(fileext = ".csv")
  dsp:::download(dsp:::client(), "/table", list(ref = ref, format = "csv"), file, NA)
  file
}

test_that("a table goes from Python to R and from R to Python over two daemons", {
  skip_if_not_installed("bit64")
  ticket <- run_python("paula", "
import pandas as pd
import dsp

table = pd.DataFrame({
    'code': ['007', '', None],
    'size': pd.Categorical(['large', None, 'small'], ['small', 'large'], ordered=True),
    'at': pd.to_datetime(['2024-02-29T12:00:00.25', None, '1969-12-31'], format='ISO8601')
        .tz_localize('Europe/Berlin'),
    'day': pd.array([None, None, None], dtype='object'),
    'n': pd.array([1, None, -3], dtype='Int32'),
    'id': [9007199254740993, 0, -1],
    'x': [0.1, float('inf'), -2.5],
    'ok': pd.array([True, None, False], dtype='boolean'),
})
import datetime
table['day'] = [datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)]
dsp.push('both/python', table, 'A table of Python', region='EU')
print(dsp.share('main'))
")
  as_person("rosa")
  suppressMessages(dsp_follow(ticket))
  back <- pull_data("paula:both/python", region = "EU")
  expect_identical(back$code, c("007", "", NA))
  expect_identical(back$size, factor(c("large", NA, "small"), c("small", "large"), ordered = TRUE))
  expect_identical(attr(back$at, "tzone"), "Europe/Berlin")
  expect_identical(
    format(back$at, "%Y-%m-%d %H:%M:%OS2"),
    c("2024-02-29 12:00:00.25", NA, "1969-12-31 00:00:00.00")
  )
  expect_identical(back$day, as.Date(c("2024-02-29", NA, "1969-12-31")))
  expect_identical(back$n, c(1L, NA, -3L))
  expect_s3_class(back$id, "integer64")
  expect_identical(as.character(back$id), c("9007199254740993", "0", "-1"))
  expect_identical(back$x, c(0.1, Inf, -2.5))
  expect_identical(back$ok, c(TRUE, NA, FALSE))
  expect_identical(utils::read.csv(pull_csv("paula:both/python"))$x, c(0.1, Inf, -2.5))

  # And the other way round: Paula follows Rosa.
  table <- data.frame(
    code = c("007", NA, ""),
    size = factor(c("small", "large", NA), c("small", "medium", "large"), ordered = TRUE),
    day = as.Date(c("2024-02-29", NA, "1969-12-31")),
    at = .POSIXct(c(1700000000.25, NA, 0), tz = "Europe/Berlin"),
    n = c(1L, NA, -3L),
    x = c(0.1, NA, Inf),
    ok = c(TRUE, NA, FALSE),
    id = bit64::as.integer64(c("9007199254740993", NA, "-1"))
  )
  push_frame("both/r", table, "A table of R")
  ticket <- run_dsp(home_of("rosa"), "--yes", "share")
  told <- run_python("paula", paste0("
import pandas as pd
import dsp

dsp.follow('", ticket, "')
table = dsp.pull('rosa:both/r')
assert list(table['code'].fillna('missing')) == ['007', 'missing', ''], table['code']
assert list(table['size'].cat.categories) == ['small', 'medium', 'large'], table['size']
assert table['size'].cat.ordered
assert [str(day) for day in table['day'].fillna('missing')][0].startswith('2024-02-29'), table['day']
assert str(table['at'].dt.tz) == 'Europe/Berlin', table['at'].dtype
assert table['at'][0] == pd.Timestamp(1700000000.25, unit='s', tz='UTC'), table['at']
assert pd.isna(table['at'][1]) and table['at'][2] == pd.Timestamp(0, tz='UTC')
assert str(table['n'].dtype).lower() == 'int32' and pd.isna(table['n'][1]), table['n']
assert table['x'][0] == 0.1 and pd.isna(table['x'][1]) and table['x'][2] == float('inf')
assert table['ok'][0] and pd.isna(table['ok'][1]) and not table['ok'][2], table['ok']
assert int(table['id'][0]) == 9007199254740993 and pd.isna(table['id'][1]), table['id']
print('same')
"))
  expect_identical(utils::tail(told, 1), "same")
})

test_that("labels of rows that are numbers are an index in Python", {
  as_person("paula")
  push_frame("both/labels", iris[c(3, 140), ])
  told <- run_python("paula", "
import dsp

print(dsp.pull('both/labels').index.tolist())
")
  expect_identical(told, "[3, 140]")
})
