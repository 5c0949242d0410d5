#' Push and pull tables and plots through dsp
#'
#' [push_frame()] puts an object on top of a stack, [pull_data()] brings it back as it was, and
#' [pull()] gives the file. The daemon of this machine is found, and started where it does not
#' run; [dsp_configure()] chooses another one.
#'
#' Whatever goes wrong is a condition of the class `dsp_error`, which names the thing, the cause
#' and the way out; its second class has the daemon's word for it, such as `dsp_error_not_found`.
#'
#' @keywords internal
#' @importFrom rlang %||%
"_PACKAGE"
