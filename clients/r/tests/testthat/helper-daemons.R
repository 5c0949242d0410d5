# Real daemons in temporary homes, and the one that the package finds.

# What the person who runs this has configured is none of the tests' business.
Sys.unsetenv(c("DSP_HOME", "DSP_URL", "DSP_TOKEN"))

# Runs `dsp` in a home and returns what it prints; its notes and warnings go elsewhere.
run_dsp <- function(home, ...) {
  told <- system2("dsp", c("--home", shQuote(home), ...), stdout = TRUE, stderr = nullfile())
  if (!is.null(attr(told, "status"))) {
    stop("dsp ", paste(...), " failed in ", home)
  }
  told
}

# A home of a daemon that finds nobody by itself. A path of a socket has at most 107 bytes.
new_home <- function(name) {
  home <- tempfile(paste0(name, "-"), tmpdir = "/tmp")
  dir.create(home, mode = "0700")
  writeLines(c("[net]", "mdns = false"), file.path(home, "config.toml"))
  withr::defer(
    {
      suppressWarnings(
        system2("dsp", c("--home", home, "daemon", "stop"), stdout = FALSE, stderr = FALSE)
      )
      unlink(home, recursive = TRUE)
    },
    testthat::teardown_env()
  )
  home
}

homes <- new.env()

# The home of a person whose daemon runs; the same in all tests.
home_of <- function(name) {
  testthat::skip_if(!nzchar(Sys.which("dspd")), "no dspd in PATH")
  if (is.null(homes[[name]])) {
    home <- new_home(name)
    withr::with_envvar(c(DSP_USER_NAME = name), run_dsp(home, "daemon", "start"))
    homes[[name]] <- home
  }
  homes[[name]]
}

# Has the package find the daemon of a person until the test ends.
as_person <- function(name, frame = parent.frame()) {
  withr::local_envvar(DSP_HOME = home_of(name), .local_envir = frame)
}

address_of <- function(name) {
  jsonlite::fromJSON(file.path(home_of(name), "run", "client.json"))
}

round_trip <- function(obj, ...) {
  push_frame("trip", obj, ...)
  pull_data("trip")
}
