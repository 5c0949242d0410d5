"""Objects of libraries that are not everywhere come back as they were."""

import altair as alt
import geopandas as gpd
import lightgbm as lgb
import numpy as np
import onnx
import pandas as pd
import plotly.graph_objects as go
import pytest
import seaborn as sns
import seaborn.objects as so
import shapely
import xgboost as xgb
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, Div
from bokeh.plotting import figure
from conftest import around, pushed_bytes
from geopandas.testing import assert_geodataframe_equal, assert_geoseries_equal
from matplotlib import pyplot as plt

import dsp
from dsp import types

pytestmark = pytest.mark.usefixtures("here")

POINTS = pd.DataFrame(
    {"x": range(6000), "y": [0.5 * n for n in range(6000)], "k": ["a", "b"] * 3000}
)


def test_charts_of_altair():
    chart = alt.Chart(POINTS[:50]).mark_point().encode(x="x", y="y", color="k")
    kinds = (chart + chart.mark_line(), chart | chart, chart & chart, chart.facet("k:N"))
    for one in (chart, *kinds, chart.repeat(["x", "y"])):
        back = around(one)
        assert type(back) is type(one)
        assert back.to_dict() == one.to_dict()
    wrong = alt.Chart(POINTS[:2]).mark_point().encode(x="x")
    wrong.mark = 3
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="no valid Vega-Lite"):
        types.encode(wrong)
    assert types.encode(alt.Chart(POINTS).mark_point().encode(x="x")).data.count(b'"y"') == 6000


def test_plots_of_bokeh():
    source = ColumnDataSource({"x": np.arange(5), "y": np.array([1, 4, float("nan"), 16, 25])})
    plot = figure(title="Squares", width=300)
    plot.line("x", "y", source=source)
    back = around(plot)
    assert type(back) is type(plot)
    assert (back.title.text, back.width, back.document) == ("Squares", 300, None)
    data = back.renderers[0].data_source.data
    np.testing.assert_array_equal(data["y"], source.data["y"])
    assert around(back).title.text == "Squares"
    assert len(around(column(figure(), figure())).children) == 2


def test_plots_of_seaborn():
    points = POINTS[:50]
    grid = sns.relplot(points, x="x", y="y", col="k")
    for plot in (grid, grid.axes[0, 0], so.Plot(points, x="x", y="y").add(so.Dot())):
        picture = around(plot)
        assert picture.media == "image/svg+xml"
        assert picture.data.lstrip().startswith(b"<?xml")
    plt.close("all")


def test_tables_with_geometries():
    frame = gpd.GeoDataFrame(
        {
            "code": ["007", None, ""],
            "kind": pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"]),
            "when": pd.to_datetime(["2020-01-01", None, "2021-01-01"], utc=True),
        },
        geometry=[shapely.Point(1, 2, 3), None, shapely.box(0, 0, 1, 1)],
        crs="EPSG:3857",
        index=pd.Index(["x", "y", "z"], name="i"),
    )
    back = around(frame)
    assert_geodataframe_equal(back, frame)
    assert back.crs == frame.crs
    assert isinstance(back["kind"].dtype, pd.CategoricalDtype)
    assert list(back["kind"].cat.categories) == ["b", "a", "c"]
    series = frame.geometry
    assert_geoseries_equal(around(series), series)
    assert b"geo" in pushed_bytes(frame)
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="GeoParquet cannot hold"):
        types.encode(frame.assign(mixed=[1, "x", object()]))


def test_tables_that_could_have_geometries():
    without = gpd.GeoDataFrame({"a": [1], "d": pd.to_datetime(["2020"])})
    back = around(without)
    assert type(back) is gpd.GeoDataFrame
    pd.testing.assert_frame_equal(back, without)
    points = gpd.GeoSeries([shapely.Point(1, 2)], crs=4326)
    for name in (None, 3, ("a", "b"), "where"):
        assert_geoseries_equal(around(points.rename(name)), points.rename(name))
        assert around(points.rename(name)).name == name
    weeks = pd.date_range("2020", periods=2, freq="W-SUN", name="week")
    weekly = gpd.GeoDataFrame({"a": [1, 2]}, geometry=list(points) * 2, index=weeks)
    weekly.attrs["of"] = "us"
    back = around(weekly)
    assert_geodataframe_equal(back, weekly)
    assert (back.index.freqstr, back.attrs) == ("W-SUN", {"of": "us"})
    assert weekly.attrs == {"of": "us"}
    none_chosen = gpd.GeoDataFrame({"where": points})
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="hint: frame.set_geometry"):
        dsp.push("libraries/refused", none_chosen)


def test_figures_with_values_that_their_json_has_not_are_refused():
    for plot in (go.Figure(go.Scatter(x=[object()])), Div(text="\ud800")):
        with pytest.raises(dsp.UnsupportedObjectTypeException, match="JSON cannot hold"):
            dsp.push("libraries/refused", plot)


def test_arrays_by_name():
    given = {
        "weights": np.arange(6, dtype="float32").reshape(2, 3),
        "scalar": np.array(3.5),
        "none": np.zeros((0, 4), dtype="int8"),
        "turned": np.arange(6).reshape(2, 3).T,
        "mask": np.array([True, False]),
    }
    back = around(given)
    assert set(back) == set(given)
    for name, array in given.items():
        np.testing.assert_array_equal(back[name], array)
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
    for lost in (np.array(["a"]), np.array([1], dtype=">i4"), np.array([1], dtype="M8[s]")):
        with pytest.raises(dsp.UnsupportedObjectTypeException, match="'bad' is an array of"):
            types.encode({"bad": lost})


def model_of_onnx():
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.array([2.0], dtype="float32"), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", number, [1])],
        [helper.make_tensor_value_info("y", number, [1])],
        [weights],
    )
    return helper.make_model(graph)


def test_models_of_onnx(tmp_path):
    model = model_of_onnx()
    back = around(model)
    assert back == model
    onnx.checker.check_model(back)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    assert around(path) == model


def test_a_model_of_onnx_with_weights_elsewhere_is_refused():
    model = model_of_onnx()
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="'w' of the model lie in a file"):
        types.encode(model)


X = np.random.default_rng(1).random((60, 3))
Y = (X.sum(axis=1) > 1.5).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        xgb.XGBClassifier(n_estimators=4, max_depth=2, random_state=7),
        xgb.XGBRegressor(n_estimators=3, missing=-1.0),
        xgb.XGBRFClassifier(n_estimators=3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators_of_xgboost(model):
    model.fit(X, Y)
    back = around(model)
    assert type(back) is type(model)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    np.testing.assert_equal(back.get_params(), model.get_params())
    assert back.fit(X, Y).predict(X).tolist() == model.predict(X).tolist()


def test_boosters():
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(X, Y, feature_names=["a", "b", "c"]), 3)
    back = around(booster)
    assert back.feature_names == ["a", "b", "c"]
    assert back.attributes() == booster.attributes()
    light = lgb.train({"verbose": -1, "min_data_in_leaf": 5}, lgb.Dataset(X, Y), 3)
    np.testing.assert_array_equal(around(light).predict(X), light.predict(X))
    light.best_iteration = 2
    assert around(light).best_iteration == 2
    np.testing.assert_array_equal(around(light).predict(X), light.predict(X))
    estimator = lgb.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y)
    np.testing.assert_array_equal(around(estimator).predict(X), estimator.predict(X))


def test_an_estimator_that_knows_nothing_yet_is_refused():
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=r"(?s)not fitted.*hint: call"):
        types.encode(xgb.XGBRegressor())


@pytest.mark.parametrize(
    ("app", "suffix"),
    [
        ("bokeh", ".json"),
        ("altair", ".json"),
        ("geopandas/geodataframe", ".parquet"),
        ("numpy/tensors", ".safetensors"),
        ("onnx", ".onnx"),
        ("xgboost/Booster", ".ubj"),
        ("xgboost/XGBClassifier", ".ubj"),
        ("xgboost/Popen", ".ubj"),
        ("lightgbm", ".txt"),
        ("numpy", ".npy"),
        ("polars/dataframe", ".parquet"),
    ],
)
def test_bytes_that_are_not_what_they_say(app, suffix):
    media = {
        ".json": "application/json",
        ".parquet": "application/vnd.apache.parquet",
        ".safetensors": "application/vnd.safetensors",
        ".onnx": "application/vnd.onnx",
        ".npy": "application/x-npy",
        ".txt": "text/plain",
    }.get(suffix, "application/octet-stream")
    liar = dsp.Encoded(suffix, media, app, data=b'{"a": 1}' * 9)
    ref = f"libraries/liar@{dsp.push('libraries/liar', None, encoder=lambda _: liar).id}"
    with pytest.raises(dsp.DspError, match=r"(?s)liar.* is no .* that can be read\ncause: .+hint"):
        dsp.pull(ref)


def test_any_object_by_pickle_where_it_is_asked_for():
    dsp.push("libraries/pickle", {1: {2, 3j}}, encoder="pickle")
    assert dsp.pull("libraries/pickle") == {1: {2, 3j}}
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="pickle cannot hold"):
        dsp.push("libraries/pickle", lambda: 0, encoder="pickle")
