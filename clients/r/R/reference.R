# References as people type them, and as dstack and URLs write them.

SCHEME <- "dsp://"

#' Returns the reference, `[user[/context]:]stack[@rev][#attachment]`, that a text means
#'
#' Takes dstack's absolute path, `/user/stack`, and URLs in both forms.
#'
#' @noRd
reference <- function(text) {
  if (!rlang::is_string(text) || !nzchar(text)) {
    refuse("a stack is named by one text", "write like \"sales/weekly\"", code = "configuration")
  }
  if (startsWith(text, SCHEME)) {
    return(reference_of_url(substring(text, nchar(SCHEME) + 1)))
  }
  if (!startsWith(text, "/")) {
    return(text)
  }
  user <- sub("^/([^/]*).*$", "\\1", text)
  stack <- sub("^/[^/]*/?", "", text)
  if (!nzchar(user) || !nzchar(stack)) {
    refuse(paste0("`", text, "` names no stack"), "write /USER/STACK", code = "configuration")
  }
  # dstack's name for the one local user.
  if (user %in% c("me", "dstack")) stack else paste0(user, ":", stack)
}

# Returns the reference that a text means; in `/alice/sales` Alice may be me. She is unless a peer
# has that petname, as it means the peer everywhere else.
resolve <- function(client, text) {
  ref <- reference(text)
  user <- sub("^/([^/]*)/.*$", "\\1", text)
  if (startsWith(text, "/") && identical(user, get_json(client, "/node")$name)) {
    peer <- tryCatch(
      get_json(client, paste0("/peers/", segment(user))),
      dsp_error_not_found = function(error) NULL
    )
    if (is.null(peer)) {
      return(sub("^/[^/]*/", "", text))
    }
  }
  ref
}

reference_of_url <- function(rest) {
  before <- function(mark, text) sub(paste0("[", mark, "].*$"), "", text)
  after <- function(mark, text) {
    there <- grepl(mark, text, fixed = TRUE)
    if (there) sub(paste0("^[^", mark, "]*[", mark, "]"), "", text) else ""
  }
  name <- before("#", rest)
  path <- after("#", rest)
  query <- after("?", name)
  parts <- strsplit(before("?", name), "/", fixed = TRUE)[[1]]
  if (length(parts) < 3 || !all(nzchar(parts))) {
    refuse(
      paste0("`", SCHEME, rest, "` names no stack"),
      "write dsp://USER/CONTEXT/STACK; those of yours begin with dsp://me/main/",
      code = "configuration"
    )
  }
  given <- strsplit(strsplit(query, "&", fixed = TRUE)[[1]], "=", fixed = TRUE)
  given <- rlang::set_names(lapply(given, `[`, 2), vapply(given, `[`, "", 1))
  stack <- paste(parts[-(1:2)], collapse = "/")
  ref <- paste0(parts[[1]], "/", parts[[2]], ":", stack)
  if (!is.null(given$rev)) {
    ref <- paste0(ref, "@", given$rev)
  }
  path <- if (nzchar(path)) path else given$path %||% ""
  ref <- utils::URLdecode(ref)
  if (nzchar(path)) paste0(ref, "#", utils::URLdecode(path)) else ref
}

# Splits a reference into its name and the path after `#`, which may be absent.
split_path <- function(ref) {
  at <- regexpr("#", ref, fixed = TRUE)
  if (at < 0) {
    return(list(name = ref, path = NULL))
  }
  list(name = substring(ref, 1, at - 1), path = substring(ref, at + 1))
}
