# Frames, parameters, references, and the scripts of old.

test_that("a frame of several plots, as dstack's page had it", {
  as_person("alice")
  frame <- create_frame(stack = "line_plot")
  for (a in c(0.5, 1.0, 1.5, 2.0)) {
    frame <- commit(frame, data.frame(y = a * 0:20), paste("Line of", a), Coefficient = a)
  }
  pushed <- push(frame, "four lines")
  expect_output(print(pushed), "pushed line_plot@")
  expect_identical(pull_data("line_plot", Coefficient = 1.5)$y[[3]], 3)
  expect_identical(pull_data("line_plot", list(Coefficient = 2))$y[[3]], 4)
  expect_identical(pull_data("line_plot#1")$y[[3]], 2)
  expect_identical(pull_data("line_plot#line_plot-0.csv")$y[[3]], 1)
  expect_identical(pull_data(pushed$url, Coefficient = 0.5)$y[[3]], 1)
  expect_error(pull_data("line_plot", Coefficient = 9), "Coefficient = 9.*line_plot-0", class = "dsp_error_no_match")
  expect_true(push(frame, "four lines")$unchanged)
})

test_that("a frame says how its parameters are asked for", {
  as_person("alice")
  frame <- create_frame("asked")
  for (size in c("small", "large")) {
    commit(frame, size, size = size, km = nchar(size))
  }
  dsp_widget(frame, "km", "slider", label = "Distance", unit = "km", default = 5, order = 1)
  dsp_widget(frame, "size", values = c("large", "small"), hidden = TRUE)
  push(frame)
  told <- get_json(client(), "/frame", list(ref = "asked"))$widgets
  expect_identical(told$km$label, "Distance")
  expect_identical(told$km[c("kind", "unit")], list(kind = "slider", unit = "km"))
  expect_equal(c(told$km$default, told$km$order), c(5, 1))
  expect_identical(unlist(told$size$values), c("large", "small"))
  expect_true(told$size$hidden)
  dsp_widget(frame, "km", "knob")
  expect_error(push(frame), "no kind `knob`.*slider", class = "dsp_error")
  expect_error(dsp_widget(frame, "km", order = 0.5), "whole number", class = "dsp_error")
  dsp_widget(frame, "km")
  push(frame)
  expect_length(get_json(client(), "/frame", list(ref = "asked"))$widgets$km, 0)
})

test_that("a frame says what made it", {
  as_person("alice")
  push_frame("made", "one")
  told <- get_json(client(), "/frame", list(ref = "made"))$settings
  version <- as.character(utils::packageVersion("dsp"))
  expect_identical(told$client, list(client = "dsp-r", version = version))
  expect_identical(told$r, as.character(getRversion()))
})

test_that("read.csv reads what pull gives", {
  as_person("alice")
  push_frame("simple", data.frame(a = 1:3, b = c("x", "y", "z")), "My first dataset")
  for (name in c("simple", "/dstack/simple", "/me/simple", "dsp://me/main/simple")) {
    expect_identical(utils::read.csv(pull(name)), data.frame(a = 1:3, b = c("x", "y", "z")))
  }
  file <- tempfile(fileext = ".csv")
  expect_identical(pull("simple", filename = file), file)
  expect_identical(nrow(utils::read.csv(file)), 3L)
})

test_that("parameters of every kind tell attachments apart", {
  as_person("alice")
  params <- list(
    t = TRUE, i = 3L, x = 1 / 3, s = "\u00e4 \"b\"", d = as.Date("2024-02-29"), inf = Inf,
    at = as.POSIXct("2024-01-02 03:04:05", tz = "UTC"), v = 1:3, l = list(a = "b"), f = factor("z")
  )
  frame <- create_frame("params")
  for (name in names(params)) {
    frame <- commit(frame, name, params = params[name])
  }
  push(frame)
  for (name in names(params)) {
    expect_identical(pull_data("params", params[name]), name)
  }
  expect_error(commit(frame, "x", 1, list("unnamed")), "every parameter has a name")
  expect_error(commit(frame, "x", params = list(f = sum)), "parameter `f` cannot be a function")
  # R takes the beginning of an argument's name for the argument.
  expect_error(commit(frame, "x", f = "z"), "`f` is taken for the argument `frame`")
  expect_error(push_frame("params", "x", des = 1), "`des` is taken for .*`description`")
  expect_error(pull_data("params", p = 1), "`p` is taken for the argument `params`")
  expect_error(pull("params", err = 1), "`err` is taken for the argument `error`")
})

test_that("earlier revisions stay", {
  as_person("alice")
  push_frame("revs", "one", message = "first")
  push_frame("revs", "two", message = "second")
  expect_identical(pull_data("revs@head~1"), "one")
  listed <- dsp_ls()
  expect_identical(listed$message[listed$reference == "revs"], "second")
  expect_s3_class(listed$time, "POSIXct")
})

test_that("access is honoured or said not to be", {
  as_person("alice")
  push_frame("mine", "x", access = "private")
  expect_warning(push_frame("mine", "x", access = "public"), "shares nothing by itself")
  expect_error(push_frame("mine", "x", access = "secret"), "no access `secret`")
})

test_that("a frame without attachments is refused", {
  as_person("alice")
  expect_error(push(create_frame("empty")), "frame is empty")
  expect_error(push(list()), "no frame")
  expect_error(commit("stack", "x"), "no frame")
})

test_that("names that break the rules are refused with the way out", {
  as_person("alice")
  expect_error(push_frame("a//b", "x"), class = "dsp_error")
  expect_error(push_frame("/only", "x"), "names no stack")
  expect_error(pull_data("dsp://me/main"), "names no stack")
  expect_error(pull_data("nothing/here"), class = "dsp_error_not_found")
  expect_error(pull_data(character()), "one text")
  expect_identical(pull("nothing/here", error = function(text) text), tryCatch(
    pull("nothing/here"), dsp_error = conditionMessage
  ))
})

test_that("references are read in all their forms", {
  expect_identical(reference("alice:sales@v1#a.csv"), "alice:sales@v1#a.csv")
  expect_identical(reference("/alice/sales/weekly"), "alice:sales/weekly")
  expect_identical(reference("dsp://alice/main/s/w?rev=v1&path=a%20b.csv"), "alice/main:s/w@v1#a b.csv")
  expect_identical(reference("dsp://alice/main/s@v1#a.csv"), "alice/main:s@v1#a.csv")
})

test_that("arguments of another kind are refused by their names", {
  as_person("alice")
  refused <- function(call, what) {
    expect_error(call, what, class = "dsp_error_configuration")
  }
  refused(push_frame("odd", 1, c("a", "b")), "a description is one text")
  refused(push_frame("odd", 1, 5), "a description is one text")
  refused(push_frame("odd", 1, message = 5), "a message is one text")
  refused(push_frame("odd", 1, handler = 5), "a handler is a function")
  refused(pull("simple", filename = c("a", "b")), "a file is named by one text")
})

test_that("what a push did besides is told", {
  as_person("alice")
  push_frame("frames/again", "one")
  run_dsp(home_of("alice"), "rm", "frames/again", "--yes")
  expect_warning(push_frame("frames/again", "two"), "was removed", class = "dsp_warning")
})
