import keras
import pytest

import kerastricks as kt
from kerastricks.optimizers.sgd import nesterov
from kerastricks.recipes import near, spoken

pytestmark = pytest.mark.any_backend
RECIPE = kt.Recipe((kt.Warmup(1), kt.MixUp(0.2, off_epochs=3), kt.CosineDecay()))


@pytest.mark.parametrize(
    ("words", "trick"),
    [
        ("ZeroGamma", kt.ZeroGamma()),
        ("MixUp", kt.MixUp()),
        ("MixUp:alpha=0.4", kt.MixUp(0.4)),
        ("MixUp: alpha=1, per_sample=True", kt.MixUp(1, per_sample=True)),
        ("StepDecay:epochs=30,60,factor=0.5", kt.StepDecay((30, 60), factor=0.5)),
        ("StepDecay:factor=0.5,epochs=(30,60)", kt.StepDecay((30, 60), factor=0.5)),
        ("StepDecay:epochs=30", kt.StepDecay((30,))),
        ("RandomResizedCrop:size=160", kt.RandomResizedCrop(160)),
        ("RandomResizedCrop:size=160,128,area=0.5,1", kt.RandomResizedCrop((160, 128), area=(0.5, 1))),
        ("Warmup:steps=10,start=None", kt.Warmup(steps=10)),
        ("LowPrecision:dtype=float16", kt.LowPrecision("float16")),
        ("NoBiasDecay:exclude=head", kt.NoBiasDecay(exclude=("head",))),
        ("Distillation:teacher=a,b/model.keras,temperature=4", kt.Distillation("a,b/model.keras", temperature=4)),
    ],
)
def test_a_trick_in_words(words, trick):
    assert spoken.trick(words) == trick


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mixup", r"Unknown trick 'mixup'. Did you mean MixUp\? `kerastricks tricks` lists them.$"),
        ("Recipe", "Unknown trick 'Recipe'."),
        ("Trick", "Unknown trick 'Trick'."),
        ("MixUp:alfa=0.4", r"MixUp has no setting 'alfa'. Did you mean alpha\? Its settings: MixUp\(alpha=0.2, off_"),
        ("MixUp:alpha=1,alpha=2", "MixUp has one `alpha`. Received: MixUp:alpha=1,alpha=2"),
        ("MixUp:", "The settings of MixUp are given as name=value,name=value"),
        ("MixUp:0.4", "The settings of MixUp are given as name=value,name=value"),
        ("MixUp:alpha=", "The settings of MixUp are given as name=value,name=value"),
        ("MixUp:alpha=-1", "MixUp:alpha=-1 is refused: `alpha` must be positive. Received: alpha=-1$"),
        ("MixUp:alpha=much", r"`alpha` of MixUp must be a number. Its settings: MixUp\(.* Received: MixUp:alpha=much$"),
        ("MixUp:alpha=True", "`alpha` of MixUp must be a number"),
        ("MixUp:per_sample=false", "`per_sample` of MixUp must be True or False"),
        ("MixUp:off_epochs=1.5", "`off_epochs` of MixUp must be a whole number"),
        ("Warmup:steps=x", "`steps` of Warmup must be a whole number or None"),
        ("StepDecay:epochs=a,b", "`epochs` of StepDecay must be a number or several, with commas between them"),
        ("RandomErasing:area=0.5", "`area` of RandomErasing must be"),
        ("Distillation", r"Distillation needs a value for `teacher`, as Distillation:teacher=… Its settings"),
        ("ZeroGamma:x=1", r"ZeroGamma has no setting 'x'. Its settings: ZeroGamma\(\)"),
        ("RandomChoice", "RandomChoice is refused: RandomChoice would have no effect"),
        ("RandomChoice:tricks='a','b'", "`tricks` of RandomChoice must be"),
    ],
)
def test_refuses_in_a_line(words, said):
    with pytest.raises(ValueError, match=said) as caught:
        spoken.trick(words)
    assert len(str(caught.value).splitlines()) == 1


def test_replaces_in_its_place_or_comes_last_but_efficient_first():
    added = spoken.adding(RECIPE, [kt.RandomFlip(), kt.MixUp(0.4), kt.Efficient()])
    assert added.tricks == (kt.Efficient(), kt.Warmup(1), kt.MixUp(0.4), kt.CosineDecay(), kt.RandomFlip())
    assert spoken.adding(RECIPE, []) == RECIPE


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("SGD", nesterov),
        ("sgd", nesterov),
        ("AdamW", kt.AdamW),
        ("adamw", kt.AdamW),
        ("LAMB", kt.Lamb),
        ("Muon", kt.Muon),
        ("Lion", keras.optimizers.Lion),
        ("RMSPROP", keras.optimizers.RMSprop),
    ],
)
def test_an_optimizer_by_its_name(name, found):
    assert spoken.optimizer(name) is found
    made = found(learning_rate=0.5, weight_decay=0.25)
    assert float(made.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "adamx",
            r"Unknown optimizer 'adamx'. Did you mean Adamax\? Known: Adadelta, .*SGD.*Received: optimizer=adamx",
        ),
        ("Optimizer", "Unknown optimizer 'Optimizer'"),
        ("schedules", "Unknown optimizer 'schedules'"),
        ("lossscaleoptimizer", "LossScaleOptimizer does not take `learning_rate` and `weight_decay`"),
    ],
)
def test_refuses_an_optimizer(name, said):
    with pytest.raises(ValueError, match=said) as caught:
        spoken.optimizer(name)
    assert "LossScaleOptimizer" not in str(caught.value).partition("Known")[2]


def test_the_nearest_name_in_any_case():
    assert near("mixup", ["Mixing", "MixUp"]) == " Did you mean MixUp?"
    assert near("x", ["Mixing", "MixUp"]) == ""
