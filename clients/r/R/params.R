# Parameters between R and the API: plain JSON values, or `{t, v}` for what JSON cannot say.

# Joins the parameters given as a list and those given by name; what is NULL is left out.
all_params <- function(params, more) {
  given <- c(as.list(params), more)
  given <- given[!vapply(given, is.null, TRUE)]
  names <- names(given) %||% rep("", length(given))
  if (any(!nzchar(names)) || anyDuplicated(names) > 0) {
    refuse(
      "every parameter has a name, and none of them twice",
      "write like push_frame(stack, obj, region = \"EU\")",
      code = "configuration"
    )
  }
  rlang::set_names(Map(param, given, names), names)
}

#' Refuses a parameter whose name R takes for the beginning of an argument's name
#'
#' @noRd
check_names <- function(call, names) {
  for (given in setdiff(names(call), c("", names))) {
    argument <- names[startsWith(names, given)]
    if (length(argument) == 1) {
      refuse(
        paste0("`", given, "` is taken for the argument `", argument, "`"),
        paste0("for a parameter of that name write params = list(", given, " = ...)"),
        code = "configuration"
      )
    }
  }
}

#' Returns a parameter as the API has it
#'
#' @noRd
param <- function(value, name) {
  if (is.factor(value)) {
    value <- rlang::set_names(as.character(value), names(value))
  }
  if (!is.list(value) && !is.atomic(value)) {
    refuse_param(value, name)
  } else if (length(value) != 1 || is.list(value)) {
    if (!is.object(value)) {
      return(list(t = "json", v = as.list(value)))
    }
  } else if (is.na(value) && !is.nan(value)) {
    return(NULL)
  } else if (inherits(value, "integer64")) {
    return(structure(as.character(value), class = "json"))
  } else if (inherits(value, "Date")) {
    return(list(t = "date", v = format(value, "%Y-%m-%d")))
  } else if (inherits(value, "POSIXct")) {
    return(list(t = "datetime", v = format_utc(value)))
  } else if (is.object(value)) {
    refuse_param(value, name)
  } else if (is.numeric(value) && !is.finite(value)) {
    return(list(t = "f", v = if (is.nan(value)) "nan" else if (value > 0) "inf" else "-inf"))
  } else if (is.character(value)) {
    return(valid_text(unname(value), name))
  } else if (is.numeric(value) || is.logical(value)) {
    return(unname(value))
  }
  refuse_param(value, name)
}

refuse_param <- function(value, name) {
  refuse(
    paste0("the parameter `", name, "` cannot be a ", class(value)[[1]]),
    "numbers, text, truth values, dates, and vectors and lists of them can",
    code = "configuration"
  )
}

# A parameter as R has it: what JSON can say is unwrapped.
value_of <- function(param) {
  if (is.list(param) && identical(param$t, "json")) {
    return(param$v)
  }
  if (is.list(param) && identical(param$t, "f")) {
    return(as.numeric(param$v))
  }
  if (is.list(param) && identical(param$t, "date")) {
    return(as.Date(param$v))
  }
  param
}

# Tells whether a file's parameters hold all that are asked for.
holds <- function(params, wanted) {
  for (name in names(wanted)) {
    there <- name %in% names(params)
    if (!there || !same_value(params[[name]], wanted[[name]])) {
      return(FALSE)
    }
  }
  TRUE
}

same_value <- function(one, other) {
  if (inherits(other, "json") && is.character(one) && nchar(one) > 15) {
    # An integer of 64 bits, which comes as text.
    return(one == other)
  }
  # Both as they stand on the wire: a list that was read and one that was made are alike there.
  identical(to_json(one), to_json(other))
}
