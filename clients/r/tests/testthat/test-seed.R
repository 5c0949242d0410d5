# The examples that dstack's users started from, with the same calls and the same arguments.

attachments_of <- function(stack) {
  dsp:::get_json(dsp:::client(), "/frame", list(ref = stack))$files
}

test_that("a static plot", {
  as_person("alice")
  skip_if_not_installed("ggplot2")
  points <- data.frame(x = c(1, 2, 3, 4), y = c(1, 4, 9, 16))
  image <- ggplot2::ggplot(data = points, ggplot2::aes(x = x, y = y)) + ggplot2::geom_line()
  push_frame("simple", image, "My first plot")
  plot <- attachments_of("simple")
  expect_length(plot, 1)
  expect_identical(plot[[1]]$media, "image/svg+xml")
  expect_identical(plot[[1]]$text, "My first plot")
})

test_that("a plot with the parameter Coefficient", {
  as_person("alice")
  skip_if_not_installed("ggplot2")
  line_plot <- function(a) {
    line <- data.frame(x = 0:20, y = a * 0:20)
    ggplot2::ggplot(data = line, ggplot2::aes(x = x, y = y)) +
      ggplot2::geom_line() + ggplot2::xlim(0, 20) + ggplot2::ylim(0, 20)
  }
  coefficients <- c(0.5, 1.0, 1.5, 2.0)
  frame <- create_frame(stack = "line_plot")
  for (c in coefficients) {
    # Of the two steep lines a part is outside, as ggplot2 says when it draws them.
    frame <- suppressWarnings(commit(frame, line_plot(c),
      paste0("Line plot with the coefficient of ", c),
      Coefficient = c
    ))
  }
  push(frame)
  plots <- attachments_of("line_plot")
  expect_equal(vapply(plots, function(plot) plot$params$Coefficient, 0), coefficients)
  expect_identical(plots[[4]]$text, "Line plot with the coefficient of 2")
  pulled <- pull("line_plot", Coefficient = 1.5)
  expect_identical(file.size(pulled), as.numeric(plots[[3]]$size))
  expect_match(readLines(pulled, n = 2)[[2]], "<svg")
})

test_that("a data set and both ways to pull it", {
  as_person("alice")
  skip_if_not_installed("ggplot2")
  midwest <- ggplot2::midwest
  push_frame("simple", midwest, "My first dataset")
  for (path in c("/dstack/simple", "/alice/simple", "simple")) {
    df <- utils::read.csv(pull(path))
    expect_identical(names(df), names(midwest))
    expect_identical(nrow(utils::head(df)), 6L)
    expect_equal(df, as.data.frame(midwest))
    # With its class and its types, to the last bit.
    expect_identical(pull_data(path), midwest)
  }
})
