# Plots, widgets, text, lists and files.

attachment <- function(stack) {
  found <- find_attachment(client(), stack, list())
  found$bytes <- readBin(pull(stack), "raw", found$size)
  found
}

test_that("a plot is a picture", {
  as_person("alice")
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("svglite")
  plot <- ggplot2::ggplot(cars, ggplot2::aes(speed, dist)) + ggplot2::geom_point()
  push_frame("plot", plot, "My first plot")
  svg <- attachment("plot")
  expect_identical(svg$media, "image/svg+xml")
  expect_match(rawToChar(svg$bytes), "<svg")
  expect_identical(svg$text, "My first plot")
  expect_true(push_frame("plot", plot, "My first plot")$unchanged)
  push_frame("plot", plot, handler = ggplot_handler(dpi = 50, format = "png"))
  png <- attachment("plot")
  expect_identical(png$media, "image/png")
  expect_identical(png$bytes[2:4], charToRaw("PNG"))
  expect_s3_class(pull_data("plot"), "dsp_file")
  expect_error(ggplot_handler(format = "gif"), "no format `gif`")
})

test_that("a plot whose SVG is large becomes a PNG", {
  as_person("alice")
  skip_if_not_installed("ggplot2")
  many <- data.frame(x = seq_len(12000), y = seq_len(12000))
  plot <- ggplot2::ggplot(many, ggplot2::aes(x, y)) + ggplot2::geom_point()
  encoded <- dsp_encode(plot)
  on.exit(unlink(encoded$file))
  expect_identical(encoded$media, "image/png")
})

test_that("a widget is one page without other files", {
  as_person("alice")
  skip_if_not_installed("plotly")
  widget <- plotly::plot_ly(cars, x = ~speed, y = ~dist, type = "scatter", mode = "markers")
  push_frame("widget", widget)
  page <- attachment("widget")
  expect_identical(page$media, "text/html")
  text <- rawToChar(page$bytes)
  expect_match(text, "htmlwidget-dsp", fixed = TRUE)
  expect_gt(page$size, 1e6)
  expect_false(grepl("<(script|link)[^>]*(src|href)=\"lib/", text))
})

test_that("text, bytes and lists come back", {
  as_person("alice")
  expect_identical(round_trip("gr\u00fc\u00dfe\n"), "gr\u00fc\u00dfe\n")
  zero <- tempfile(fileext = ".txt")
  writeBin(as.raw(c(0x61, 0, 0x62)), zero)
  expect_error(round_trip(dsp_file(zero)), "holds a zero byte", class = "dsp_error_damaged")
  writeBin(as.raw(c(0x61, 0xe9)), zero)
  expect_error(round_trip(dsp_file(zero)), "is not UTF-8", class = "dsp_error_damaged")
  expect_identical(round_trip(as.raw(0:255)), as.raw(0:255))
  expect_identical(round_trip(list(a = 1L, b = list("x", TRUE), c = 0.1)), list(a = 1L, b = list("x", TRUE), c = 0.1))
  expect_identical(round_trip(c(1.5, 1 / 3)), c(1.5, 1 / 3))
  expect_error(push_frame("trip", list(a = NaN)), class = "dsp_error_unsupported_type")
  expect_error(push_frame("trip", sum), "no type is known .* function.*dsp_rds")
})

test_that("an object of one's own is read as R wrote it", {
  as_person("alice")
  model <- stats::lm(dist ~ speed, cars)
  push_frame("model", dsp_rds(model))
  expect_equal(stats::coef(pull_data("model")), stats::coef(model))
})

test_that("other packages add types", {
  as_person("alice")
  registerS3method("dsp_encode", "celsius", function(obj, ...) {
    file <- tempfile()
    writeLines(paste(unclass(obj), "C"), file)
    dsp_encoded(file, ".txt", "text/plain", "test/celsius")
  }, envir = asNamespace("dsp"))
  expect_identical(round_trip(structure(21, class = "celsius")), "21 C\n")
  expect_error(round_trip(1, handler = function(obj) obj), "handler returned a numeric")
})

test_that("files keep their names, and empty ones are files", {
  as_person("alice")
  file <- file.path(tempdir(), "empty.dat")
  file.create(file)
  push_frame("files", dsp_file(file))
  expect_identical(basename(pull("files")), "empty.dat")
  expect_identical(file.size(pull("files")), 0)
  expect_error(dsp_file("/nowhere/at/all"), "is no file", class = "dsp_error_file")
})

test_that("what is no JSON, or no RDS, is told", {
  as_person("alice")
  folder <- tempfile("broken")
  dir.create(folder)
  file <- file.path(folder, "x.json")
  deep <- paste0(strrep("{\"a\":", 100000), "1", strrep("}", 100000))
  for (text in c("nonsense", strrep("[", 200000), deep)) {
    writeLines(text, file)
    push_frame("broken", dsp_file(file))
    expect_error(pull_data("broken"), "broken@.*#x.json is no JSON", class = "dsp_error_damaged")
  }
  file <- file.path(folder, "x.rds")
  writeLines("nonsense", file)
  push_frame("broken", 1, handler = function(obj) dsp_encoded(file, ".rds", dsp:::RDS, "r/rds"))
  expect_error(pull_data("broken"), "broken@.* is no RDS", class = "dsp_error_damaged")
})

test_that("whole numbers of others that no number of R is keep their digits", {
  as_person("alice")
  file <- file.path(tempfile("whole"), "x.json")
  dir.create(dirname(file))
  writeLines("{\"a\": 9007199254740993, \"b\": [-9007199254740993, 1], \"c\": 7}", file)
  push_frame("whole", dsp_file(file))
  told <- list(a = "9007199254740993", b = c("-9007199254740993", "1"), c = 7L)
  expect_identical(pull_data("whole"), told)
  expect_identical(round_trip(2^60), 2^60)
})
