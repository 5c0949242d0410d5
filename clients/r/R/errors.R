# What can go wrong, each with its cause and the way out.

#' Refuses something
#'
#' @param code The word of the class `dsp_error_<code>`.
#' @param candidates References that would fit where one did not.
#' @noRd
refuse <- function(detail, hint = NULL, causes = NULL, code = "refused", candidates = NULL) {
  if (is.null(getOption("rlang_backtrace_on_error"))) {
    # Of this package's own calls nobody learns anything.
    rlang::local_options(rlang_backtrace_on_error = "none")
  }
  rlang::abort(
    clean(detail),
    body = clean(bullets(hint, causes, candidates)),
    class = c(paste0("dsp_error_", code), "dsp_error"),
    code = code,
    hint = hint,
    call = NULL
  )
}

#' Stops with an RFC 9457 problem of the daemon
#'
#' @noRd
refuse_problem <- function(problem) {
  refuse(
    text_or(problem$detail, text_or(problem$title, "the daemon refused")),
    hint = text_or(problem$hint, NULL),
    causes = texts(problem$causes),
    candidates = texts(problem$candidates),
    code = text_or(problem$code, "unknown")
  )
}

bullets <- function(hint, causes, candidates) {
  c(
    rlang::set_names(texts(causes), rep("x", length(causes))),
    rlang::set_names(texts(candidates), rep("*", length(candidates))),
    if (!is.null(hint)) c(i = hint)
  )
}

# Leaves out what would steer a terminal: names and messages may be those of others.
clean <- function(text) {
  plain <- gsub("[\001-\010\013-\037\177]", "", text, perl = TRUE)
  # Of the id of a frame the first digits, as people read it.
  plain <- gsub("@([0-9a-f]{8})[0-9a-f]{56}\\b", "@\\1", plain, perl = TRUE)
  rlang::set_names(plain, names(text))
}

text_or <- function(value, other) {
  if (rlang::is_string(value) && nzchar(value)) value else other
}

texts <- function(values) {
  as.character(unlist(Filter(rlang::is_string, as.list(values))))
}
