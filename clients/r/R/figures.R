# Plots: ggplot2 as pictures, htmlwidgets as one page of HTML.

# The largest SVG that is pushed; a larger plot becomes a PNG.
SVG_BYTES <- 1000000

#' Choose how a plot of ggplot2 is drawn
#'
#' Without it a plot is an SVG where svglite is installed and the SVG has at most 1 MB, else a PNG.
#'
#' @param dpi Dots per inch of a PNG.
#' @param width,height Size in inches.
#' @param format `"png"`, `"svg"`, or `NULL` for the choice above.
#' @return A function for the argument `handler` of [commit()] and [push_frame()].
#' @export
ggplot_handler <- function(dpi = 300, width = 7, height = 5, format = NULL) {
  if (!is.null(format) && !format %in% c("png", "svg")) {
    refuse(paste0("there is no format `", format, "`"), "it is png or svg", code = "configuration")
  }
  function(obj) {
    svg <- if (is.null(format)) rlang::is_installed("svglite") else format == "svg"
    if (svg) {
      file <- tempfile(fileext = ".svg")
      discard_on_error(file, draw(obj, svg_device(file, width, height)))
      if (!is.null(format) || file.size(file) <= SVG_BYTES) {
        return(dsp_encoded(file, ".svg", "image/svg+xml", "r/ggplot2"))
      }
      unlink(file)
    }
    file <- tempfile(fileext = ".png")
    discard_on_error(file, draw(obj, function() {
      grDevices::png(file, width, height, units = "in", res = dpi, type = png_type())
    }))
    dsp_encoded(file, ".png", "image/png", "r/ggplot2")
  }
}

svg_device <- function(file, width, height) {
  if (!rlang::is_installed("svglite")) {
    refuse(
      "an SVG of a plot needs the package svglite",
      "install.packages(\"svglite\"), or ggplot_handler(format = \"png\")",
      code = "unsupported_type"
    )
  }
  function() svglite::svglite(file, width = width, height = height)
}

# Without a display there is cairo, or nothing.
png_type <- function() {
  if (isTRUE(capabilities("cairo"))) "cairo" else getOption("bitmapType")
}

draw <- function(plot, device) {
  device()
  number <- grDevices::dev.cur()
  on.exit(grDevices::dev.off(number))
  print(plot)
}

#' Writes a widget as one page that needs no other file
#'
#' The same widget is the same bytes: its id in the page is not drawn by lot.
#'
#' @noRd
write_widget <- function(widget, to) {
  if (!rlang::is_installed("htmlwidgets")) {
    refuse("a widget needs the package htmlwidgets", "install.packages(\"htmlwidgets\")",
      code = "unsupported_type"
    )
  }
  widget$elementId <- widget$elementId %||% "htmlwidget-dsp"
  folder <- tempfile("widget")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  page <- file.path(folder, "index.html")
  htmlwidgets::saveWidget(widget, page, selfcontained = FALSE, libdir = "lib", title = "widget")
  lines <- readLines(page, encoding = "UTF-8", warn = FALSE)
  lines <- vapply(lines, inline, "", folder = folder, USE.NAMES = FALSE)
  con <- file(to, "wb")
  on.exit(close(con), add = TRUE)
  writeLines(enc2utf8(lines), con, useBytes = TRUE)
}

# Puts the script or style that a line of the page's head refers to into its place.
inline <- function(line, folder) {
  script <- regmatches(line, regexec('^<script src="(lib/[^"]+)"></script>$', line))[[1]]
  if (length(script) == 2) {
    text <- whole_text(file.path(folder, script[[2]]))
    return(paste0("<script>", gsub("</script", "<\\/script", text, fixed = TRUE), "</script>"))
  }
  style <- regmatches(line, regexec('^<link href="(lib/[^"]+)" rel="stylesheet" />$', line))[[1]]
  if (length(style) == 2) {
    return(paste0("<style>", whole_text(file.path(folder, style[[2]])), "</style>"))
  }
  line
}

