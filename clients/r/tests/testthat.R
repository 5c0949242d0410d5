library(testthat)
library(dsp)

test_check("dsp")
