import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline import Model, export
from pipeline.data.encoding import Scaling
from pipeline.data.schema import FEATURES, GROUP, LARGEST, NUMBERS, RULES, SMALLEST, VERSION
from pipeline.inference.answers import PROBLEM
from pipeline.model.intervals import Intervals
from pipeline.runtime.arguments import PROGRAM
from tests.support.models import make_bundle, with_weights
from tests.support.skips import in_soak, reason
from tests.support.tables import ROW, TITLES, rows


def needs(*packages):
    return pytest.mark.skipif(
        not all(map(importlib.util.find_spec, packages)),
        reason=reason(f"{packages[0]} is not installed", to_run="python -m pip install -r requirements-dev.lock"),
    )


needs_onnx = needs("onnx", "onnxruntime", "onnxscript")
needs_mlflow = needs("mlflow")
pytestmark = pytest.mark.filterwarnings("default")  # what MLflow and torch's exporter warn of is theirs

# Raw rows that keep the contract, and some that do not: every value that it lists, one of none, and any text.
TITLE = st.one_of(st.sampled_from(TITLES), st.text("aA eE/+#&é日İK\u00a0\u200b\t9", max_size=105))
VALUES = {
    "work_year": st.integers(1999, 2101),
    "experience_level": st.sampled_from(["EN", "MI", "SE", "EX", "en", ""]),
    "employment_type": st.sampled_from(["PT", "FT", "CT", "FL", "F T"]),
    "job_title": TITLE,
    "employee_residence": st.sampled_from(["US", "GB", "ZZ", "USA", "us", "Ü1"]),
    "remote_ratio": st.sampled_from([0, 50, 100, -1]),
    "company_location": st.sampled_from(["US", "NA", "U"]),
    "company_size": st.sampled_from(["S", "M", "L", "XL"]),
}


@pytest.fixture(scope="module", params=["full", *in_soak("course")])
def exported(modelled, request, tmp_path_factory):
    """A bundle and the folder of its ONNX file."""
    folder = tmp_path_factory.mktemp("exported")
    bundle = make_bundle(modelled.out, recipe=request.param)
    bundle.save(folder / "model")
    export.to_onnx(folder / "model", folder / "salary.onnx")
    return bundle, folder


@pytest.fixture(scope="module")
def session(exported):
    import onnxruntime

    return onnxruntime.InferenceSession(exported[1] / "salary.onnx")


def frame_of(dicts):
    return pd.DataFrame([{name: row[name] for name in FEATURES} for row in dicts]).astype(
        dict.fromkeys(NUMBERS & {*FEATURES}, int)
    )


def scores(session, frame):
    """The answers of onnxruntime by name, each (rows,)."""
    inputs = {name: frame[name].to_numpy(np.int64 if name in NUMBERS else object) for name in FEATURES}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_answers_agree(session, bundle, frame):
    """In ONNX the answers are not rounded: the prediction to the nearest whole number, the intervals outwards."""
    found, ours = scores(session, frame), Model(bundle).predict(frame)
    for name, values in found.items():
        expected = ours[name].to_numpy(float, na_value=np.nan)
        tolerance = 0.5 if name.startswith("predicted") else 1
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=tolerance + 0.1, err_msg=name)  # NaN equals NaN
    return ours


@needs_onnx
@pytest.mark.parametrize("count", [1, 2, 200])
def test_onnxruntime_answers_raw_rows_as_predict_does(exported, session, count):
    frame = frame_of([dict(zip(ROW, line.split(","), strict=True)) for line in rows(count)])
    assert assert_answers_agree(session, exported[0], frame)[PROBLEM].isna().all()


@needs_onnx
@settings(deadline=None, max_examples=25)
@given(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=20))
def test_onnxruntime_answers_whatever_text_as_predict_does_and_refuses_the_same_rows(exported, session, drawn):
    assert_answers_agree(session, exported[0], frame_of(drawn))


@needs_onnx
@settings(deadline=None, max_examples=20)
@given(st.lists(st.from_regex(r"[ -~À-ÿ]{1,60}", fullmatch=True), min_size=1, max_size=9))
def test_onnxruntime_finds_the_same_words(exported, session, titles):
    assume(all(title == title.strip() for title in titles))
    known = {name: values[0] for name, values in exported[0].encoder.vocabularies.items()}
    answers = assert_answers_agree(session, exported[0], frame_of([known | {"job_title": title} for title in titles]))
    assert answers[PROBLEM].isna().all()


@needs_onnx
@pytest.mark.parametrize(
    ("kind", "scale", "shift", "bound"), [("log1p", 3.0, 100.0, LARGEST), *in_soak(("minmax", 2e5, -50.0, SMALLEST))]
)
def test_onnxruntime_too_answers_within_the_contract(modelled, kind, scale, shift, bound):
    import onnxruntime

    from pipeline.inference.onnx_model import onnx_model

    bundle = make_bundle(modelled.out, recipe="course")
    uncalibrated = Intervals((0.3,) * bundle.encoder.sizes()[GROUP], 1e4, {80: (0.01, 0.02), 95: (np.inf, np.inf)})
    encoder = replace(bundle.encoder, scaling=Scaling(kind, 5.0, scale))
    *_, bias = bundle.network.weights
    bundle = with_weights(bundle, lambda name, weight: np.full_like(weight, shift) if name == bias else weight)
    model = onnx_model(replace(bundle, encoder=encoder, intervals=uncalibrated))
    found = scores(onnxruntime.InferenceSession(model.SerializeToString()), frame_of([ROW]))
    assert (found["predicted_salary_usd"], found["low_95_usd"], found["high_95_usd"]) == (bound, SMALLEST, LARGEST)
    assert SMALLEST <= found["low_80_usd"] < found["high_80_usd"] <= LARGEST


@needs_onnx
def test_the_file_tells_the_contract(session):
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["contract"]) == {name: RULES[name].description for name in FEATURES}
    assert (facts["contract_version"], facts["unit"]) == (str(VERSION), "USD")
    assert [each.name for each in session.get_inputs()] == list(FEATURES)


@needs_onnx
def test_the_same_model_gives_the_same_bytes_that_tell_no_folder(exported):
    _, folder = exported
    again = folder / "model" / "again.onnx"
    export.to_onnx(folder / "model", again)
    assert again.read_bytes() == (folder / "salary.onnx").read_bytes()
    assert b"pipeline" not in again.read_bytes()


@pytest.fixture(scope="module")
def as_mlflow(modelled, tmp_path_factory):
    """The folder of a model of MLflow."""
    out = tmp_path_factory.mktemp("mlflow") / "a model"
    export.to_mlflow(modelled.folder / "model", out)
    return out


@pytest.fixture
def frame():
    known = [dict(zip(ROW, line.split(","), strict=True)) for line in rows(20)]
    return frame_of([*known, ROW | {"company_size": "XL"}])


@needs_mlflow
def test_mlflow_loads_the_model_and_gives_the_same_answers(as_mlflow, modelled, frame):
    import mlflow.pyfunc

    answers = mlflow.pyfunc.load_model(str(as_mlflow)).predict(frame)
    ours = Model.load(modelled.folder / "model").predict(frame)
    assert answers.astype(ours.dtypes).equals(ours)


@needs_mlflow
@pytest.mark.soak
def test_mlflows_command_gives_the_same_answers_away_from_the_project(as_mlflow, modelled, frame, tmp_path):
    request = {"dataframe_split": frame.to_dict("split", index=False)}  # MLflow reads a CSV file's NA as missing
    (tmp_path / "new.json").write_text(json.dumps(request))
    command = [sys.executable, "-m", "mlflow", "models", "predict", "--env-manager", "local"]
    paths = ["--model-uri", str(as_mlflow), "--input-path", "new.json", "--output-path", "answers.json"]
    subprocess.run([*command, *paths], cwd=tmp_path, check=True, capture_output=True)
    answers = pd.DataFrame(json.loads((tmp_path / "answers.json").read_text())["predictions"])
    ours = Model.load(modelled.folder / "model").predict(frame)
    assert answers.astype(ours.dtypes).equals(ours)


@needs_mlflow
def test_what_mlflow_keeps_is_the_bundle_the_code_and_the_lock(as_mlflow, modelled):
    files = {path.relative_to(as_mlflow).as_posix() for path in as_mlflow.rglob("*") if path.is_file()}
    bundle = {path.name for path in (modelled.folder / "model").iterdir()}
    assert {f"data/model/{name}" for name in bundle} <= files
    assert "code/pipeline/inference/model.py" in files
    assert not [name for name in files if name.endswith((".pkl", ".pyc"))]
    wanted = (as_mlflow / "requirements.txt").read_text().split()
    packages = {line.partition("==")[0] for line in wanted}
    assert packages > {"numpy", "pandas", "pyarrow", "safetensors"}
    assert not packages & {"dvc", "pandera", "torch"}
    assert all("==" in line for line in wanted)


@needs_mlflow
def test_an_installed_program_has_no_lock_and_names_the_packages_that_are_installed(monkeypatch, tmp_path):
    from pipeline.inference import mlflow_model

    monkeypatch.setattr(mlflow_model, "LOCK", tmp_path / "none.lock")
    needs = ["numpy<3,>=2.2", "ruamel.yaml>=0.18", 'dvc>=3; extra == "pipeline"']
    monkeypatch.setattr(importlib.metadata, "requires", {PROGRAM: needs}.get)
    versions = {"numpy": "2.4.6", "ruamel.yaml": "0.19.1"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions[name])
    assert mlflow_model._locked() == ["numpy==2.4.6", "ruamel.yaml==0.19.1"]


@needs_mlflow
def test_the_folder_must_be_new(as_mlflow, modelled, tmp_path):
    (tmp_path / "to nowhere").symlink_to("nowhere")
    for out, found in ((as_mlflow, "a folder"), (tmp_path / "to nowhere", "a file")):
        with pytest.raises(ValueError, match=f"the output must be a new folder, found {found}; name another"):
            export.to_mlflow(modelled.folder / "model", out)
    with pytest.raises(ValueError, match="the output's folder must exist, found none; make it with mkdir -p"):
        export.to_mlflow(modelled.folder / "model", tmp_path / "no/model")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("salary.json", r"must be an \.onnx file, found the ending '\.json'; name one such as model\.onnx"),
        ("folder.onnx", r"must be an \.onnx file, found a folder; name one"),
        ("no/salary.onnx", "the output's folder must exist, found none; make it with mkdir -p .*/no"),
    ],
)
def test_another_name_is_refused(modelled, tmp_path, name, told):
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ValueError, match=told):
        export.to_onnx(modelled.folder / "model", tmp_path / name)


def test_without_an_output_there_is_nothing_to_do(modelled, capsys):
    with pytest.raises(SystemExit) as ended:
        export.main(["--model", str(modelled.folder / "model")])
    assert ended.value.code == 2
    assert "nothing to write: name --onnx FILE, --mlflow DIR, or both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "missing", "told"),
    [
        (
            "--onnx",
            "onnxscript",
            "needs onnx, onnxscript, torch; found no onnxscript; python -m pip install onnx onnxscript torch",
        ),
        ("--mlflow", "mlflow", "needs mlflow; found no mlflow; python -m pip install mlflow-skinny"),
    ],
)
def test_without_its_packages_it_says_how_to_get_them(modelled, tmp_path, monkeypatch, capsys, option, missing, told):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else name)
    with pytest.raises(SystemExit) as ended:
        export.main(["--model", str(modelled.folder / "model"), option, str(tmp_path / "salary.onnx")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"export: {option} {told}\n"
