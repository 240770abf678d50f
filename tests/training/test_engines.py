"""The compiled engine against the eager one: the same training, up to rounding."""

import logging

import pytest
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.model.reproducible import nn, runs_on_any_avx2_cpu, torch
from pipeline.training import compiler, loader
from pipeline.training.engines import CompiledLoop, EagerLoop, step_of
from pipeline.training.fit import weighted_mse_loss
from pipeline.training.loader import batches
from pipeline.training.optimizer import FlatAdamW
from tests.support.recipes import EMBEDDING, make_network, make_recipe, make_training
from tests.support.skips import in_soak, needs_a_compiler

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.*deprecated:DeprecationWarning")  # torch's own compiler's
OUR_PRODUCT, MKL_PRODUCT = "CHECK(aoti_torch_cpu_product(", "mm_out("
OUR_LOOKUPS = ["CHECK(aoti_torch_cpu_looked_up(", "CHECK(aoti_torch_cpu_summed_up("]
PORTABLE = runs_on_any_avx2_cpu(threads=1)
COURSE = {"epochs": 3, "optimizer": {"schedule": "cosine", "clip_norm": 0.5, "ema_decay": 0.9}}
ONE_CYCLE = {"schedule": "one_cycle", "weight_decay": 0.1, "betas": [0.9, 0.99], "learning_rate": 0.01}
FULL = {**EMBEDDING, "epochs": 3, "batch_size": 5, "equal_rows": "once", "optimizer": ONE_CYCLE}


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    """An epoch of 42 rows is three blocks, of which the last one is shorter."""
    monkeypatch.setattr(loader, "ROWS_PER_GATHER", 16)


@pytest.fixture(autouse=True)
def a_layer_of_each_kind(monkeypatch):
    """The course's second layer is a call of the product, its others are part of their neighbours' loop."""
    monkeypatch.setattr(compiler, "FUSED_PRODUCTS", 4 * 4 * 16)


def run(changes, *, engine):
    return make_training(make_recipe(**changes, engine=engine)).run()[-1]


@needs_a_compiler
@pytest.mark.parametrize("changes", [COURSE, *in_soak(FULL)], ids=["course", "embedding"])
def test_both_engines_train_the_same_up_to_rounding(changes, compiled_code):
    ours, eager = (run(changes, engine=engine) for engine in ("compiled", "eager"))
    for epoch, expected in zip(ours.history, eager.history, strict=True):
        assert epoch.train_mse == pytest.approx(expected.train_mse, rel=1e-5)
        assert epoch.valid_mse == pytest.approx(expected.valid_mse, rel=1e-5)
    torch.testing.assert_close(ours.kept_weights, eager.kept_weights, rtol=1e-5, atol=1e-6)
    assert all(map(torch.equal, ours.resume_from[:2], eager.resume_from[:2]))  # the generators: both drew the same
    code = "".join(file.read_text() for file in compiled_code.rglob("*.main.cpp"))
    assert [call in code for call in (OUR_PRODUCT, MKL_PRODUCT)] == [PORTABLE, not PORTABLE]
    if changes is FULL:
        assert all(call in code for call in OUR_LOOKUPS) == PORTABLE


def libraries(folder):
    return set(folder.rglob("*.so"))


@pytest.mark.soak
@needs_a_compiler
def test_a_second_run_takes_its_loop_from_the_cache_and_gives_the_same_bits(compiled_code, caplog):
    caplog.set_level(logging.INFO)
    first = run(COURSE, engine="compiled")
    kept = libraries(compiled_code)
    second = run(COURSE, engine="compiled")
    assert kept
    assert libraries(compiled_code) == kept
    assert torch.equal(first.kept_weights, second.kept_weights)
    assert first.history == second.history
    said = [record.getMessage() for record in caplog.records if record.name == "pipeline.training.engines"]
    assert [message[:20] for message in said] == ["compiled the loop in"] * 2


@pytest.mark.parametrize("network", [{}, EMBEDDING], ids=["course", "embedding"])
@pytest.mark.parametrize("equal_rows", ["each", "once"])
@pytest.mark.parametrize("optimizer", [{}, {"clip_norm": 0.05, "ema_decay": 0.8, "weight_decay": 0.1}])
def test_the_step_that_is_compiled_is_the_eager_one_up_to_rounding(network, equal_rows, optimizer):
    recipe = make_recipe(**network, equal_rows=equal_rows, optimizer=optimizer)
    training = make_training(recipe)
    net, criterion = training.network.train(), weighted_mse_loss if equal_rows == "once" else nn.functional.mse_loss
    flat = FlatAdamW(net, **recipe.optimizer.model_dump(exclude={"schedule"}))
    step = step_of(net, criterion, flat)
    rate = torch.tensor([recipe.optimizer.learning_rate], dtype=torch.float64)
    for inputs, *target in training.loader:
        noise = [net.noise(len(inputs))] if net.noise_width else []
        before = [tensor.clone() for tensor in flat.state()]
        loss, *state = step(before, flat.factors(before[3], rate)[0], [inputs, *noise, *target])
        flat.zero_grad()
        expected = criterion(net(inputs, *noise), *target)
        expected.backward()
        flat.step()
        torch.testing.assert_close(loss, expected)
        for ours, eager in zip(state, flat.state(), strict=True):
            torch.testing.assert_close(ours, eager, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variable", ["CXX", "PATH"])
def test_without_a_compiler_the_error_names_the_package(variable, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv(variable, "nowhere")
    network = make_network(make_recipe())
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler, found no .*; install one \(package g\+\+ on Debian"):
        CompiledLoop(network, nn.MSELoss(), FlatAdamW(network, learning_rate=0.1, weight_decay=0.0))


def test_a_training_without_a_compiler_says_so_before_it_begins(monkeypatch):
    monkeypatch.setenv("CXX", "nowhere")
    with pytest.raises(
        ValueError, match=r"engine: compiled needs a C\+\+ compiler, found no nowhere; .* engine: eager"
    ):
        run({}, engine="compiled")


class Operations(TorchDispatchMode):
    """Notes the names of all operations that run within it."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("recipe", [make_recipe(), make_recipe(**EMBEDDING)], ids=["course", "full"])
def test_no_operation_of_a_training_or_a_prediction_is_one_that_every_cpu_rounds_in_its_own_way(recipe):
    training = make_training(recipe)
    with Operations() as operations:
        training.run()
        training.network.predict_normalised(training.valid.tensors[0])
    assert {"addmm", "threshold_backward", "_fused_adamw_"} <= operations.names
    assert not {"sqrt", "sqrt_", "exp", "gelu", "sigmoid", "softplus", "randn", "normal_"} & operations.names


def test_an_epoch_of_the_eager_loop_takes_a_rate_per_batch():
    training = make_training(make_recipe(batch_size=10))
    optimizer = FlatAdamW(training.network, learning_rate=1.0, weight_decay=0.0)
    rates = iter([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    EagerLoop(training.network, nn.MSELoss(), optimizer).epoch(training.loader, rates)
    assert optimizer.learning_rate == 0.5
    assert list(rates) == [0.6]


def operations(run):
    """How many operations torch runs meanwhile, those within others included."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        run()
    return sum(event.name.startswith("aten::") for event in profiled.events())


@pytest.mark.parametrize(
    ("recipe", "of_a_step", "of_an_epoch"),
    [
        (make_recipe(), 136, 1640),
        (make_recipe(**EMBEDDING, equal_rows="once"), 436, 5000),
    ],
    ids=["course", "full"],
)
def test_a_step_and_an_epoch_take_no_more_operations_than_they_did(recipe, of_a_step, of_an_epoch):
    training = make_training(recipe)
    network, criterion = training.network.train(), weighted_mse_loss if recipe.equal_rows == "once" else nn.MSELoss()
    optimizer = FlatAdamW(network, **recipe.optimizer.model_dump(exclude={"schedule"}))
    loop, batch = EagerLoop(network, criterion, optimizer), next(batches(training.loader))
    assert operations(lambda: loop.step(batch, 0.1)) == of_a_step
    assert operations(lambda: loop.epoch(training.loader, iter([0.1] * len(training.loader)))) <= of_an_epoch
