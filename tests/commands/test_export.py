import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from pipeline import export
from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import LARGEST, NORMALISED, SMALLEST
from pipeline.evaluate import read_split
from pipeline.model.reproducible import nn
from tests.support.models import make_bundle
from tests.support.skips import in_soak, reason

needs_onnx = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnx", "onnxruntime", "onnxscript"))),
    reason=reason("the extra onnx is not installed", to_run="python -m pip install -r requirements-dev.lock"),
)


@pytest.fixture(scope="module", params=["course", "full"])
def exported(modelled, request, tmp_path_factory):
    """A bundle and the folder of its ONNX file."""
    folder = tmp_path_factory.mktemp("exported")
    bundle = make_bundle(modelled.out, recipe=request.param)
    bundle.save(folder / "model")
    export.run(model=folder / "model", onnx=folder / "salary.onnx")
    return bundle, folder


@needs_onnx
def test_onnxruntime_scores_any_number_of_rows_as_we_do(modelled, exported):
    import onnxruntime

    bundle, folder = exported
    session = onnxruntime.InferenceSession(folder / "salary.onnx")
    codes = read_split(modelled.out / "train.parquet")
    for rows in (1, 2, len(codes[NORMALISED])):
        inputs = {name: codes[name][:rows] for name in bundle.network.columns}
        normalised, predicted = session.run(export.OUTPUTS, inputs)
        assert normalised.shape == predicted.shape == (rows,)
        assert normalised.dtype == np.float32
        assert np.abs(normalised - bundle.predict_normalised(inputs)).max() < 1e-5
        assert predicted.tolist() == bundle.encoder.scaling.denormalise(normalised).tolist()


@needs_onnx
@pytest.mark.parametrize(("kind", "scale"), [("log1p", 3.0), *in_soak(("minmax", 2e5))])
def test_onnxruntime_too_answers_within_the_contract(modelled, tmp_path, kind, scale):
    import onnxruntime

    bundle = make_bundle(modelled.out, recipe="course")
    bundle = replace(bundle, encoder=replace(bundle.encoder, scaling=Scaling(kind, 5.0, scale)))
    *_, bias = bundle.network.parameters()
    codes = read_split(modelled.out / "train.parquet")
    inputs = {name: codes[name][:9] for name in bundle.network.columns}
    for shift, bound in ((-50.0, SMALLEST), (100.0, LARGEST), (0.0, None)):
        nn.init.constant_(bias, shift)
        export.to_onnx(bundle).save(tmp_path / "salary.onnx")
        normalised, predicted = onnxruntime.InferenceSession(tmp_path / "salary.onnx").run(export.OUTPUTS, inputs)
        assert predicted == pytest.approx(bundle.encoder.scaling.denormalise(normalised), rel=1e-12)
        assert bound is None or set(predicted) == {bound}


@needs_onnx
def test_the_encoder_stands_beside_it(exported):
    bundle, folder = exported
    assert sorted(path.name for path in folder.iterdir()) == ["model", "salary.encoder.json", "salary.onnx"]
    assert Encoder.read(folder / "salary.encoder.json") == bundle.encoder


@needs_onnx
def test_the_same_model_gives_the_same_bytes_that_tell_no_folder(exported):
    _, folder = exported
    again = folder / "model" / "again.onnx"
    export.run(model=folder / "model", onnx=again)
    assert again.read_bytes() == (folder / "salary.onnx").read_bytes()
    assert b"pipeline" not in again.read_bytes()


@pytest.mark.parametrize("name", ["salary.json", "no/salary.onnx"])
def test_another_name_is_refused(modelled, tmp_path, name):
    with pytest.raises(ValueError, match=r"the output must be an \.onnx file in a folder that exists"):
        export.run(model=modelled.folder / "model", onnx=tmp_path / name)


def test_without_its_packages_it_says_how_to_get_them(modelled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(SystemExit) as ended:
        export.main(["--model", str(modelled.folder / "model"), "--onnx", str(tmp_path / "salary.onnx")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "export: --onnx needs onnx and onnxscript, found no onnxscript; python -m pip install onnxscript\n"
    )
