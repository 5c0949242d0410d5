"""The examples that dstack's users started from, with the same calls and the same arguments."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dsp import create_frame, pull, pull_data, push_frame, stack

pytestmark = pytest.mark.usefixtures("here")


def test_a_static_plot():
    figure = plt.figure()
    plt.plot([1, 2, 3, 4], [1, 4, 9, 16])
    push_frame("simple", figure, "My first plot")
    plt.close(figure)
    (plot,) = stack("simple").head.attachments
    assert (plot.media, plot.description) == ("image/svg+xml", "My first plot")


def test_a_plot_with_the_parameter_coefficient():
    def line_plot(coefficient):
        xs = range(21)
        figure = plt.figure()
        plt.axis([0, 20, 0, 20])
        plt.plot(xs, [coefficient * x for x in xs])
        return figure

    frame = create_frame("line_plot")
    for c in [0.5, 1.0, 1.5, 2.0]:
        frame.commit(line_plot(c), f"Line plot with the coefficient of {c}", {"Coefficient": c})
    frame.push()
    plt.close("all")
    plots = stack("line_plot").head.attachments
    assert [plot.params for plot in plots] == [{"Coefficient": c} for c in (0.5, 1.0, 1.5, 2.0)]
    assert plots[3].description == "Line plot with the coefficient of 2.0"
    assert pull("line_plot", Coefficient=1.5).data == plots[2].read()


def test_a_data_set_and_both_ways_to_pull_it():
    dates = pd.date_range("20130101", periods=6)
    df = pd.DataFrame(np.random.randn(6, 4), index=dates, columns=list("ABCD"))
    push_frame("static_dataset_example", df, "static dataset")
    for path in ("/dstack/static_dataset_example", "/alice/static_dataset_example"):
        pd.testing.assert_frame_equal(pull(path), df)
        assert len(pull(path).head()) == 5
    pd.testing.assert_frame_equal(pull_data("static_dataset_example"), df)
