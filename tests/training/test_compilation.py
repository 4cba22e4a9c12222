import pytest

from kerastricks.training.compilation import accuracies


@pytest.mark.parametrize(("classes", "names"), [(9, ["accuracy"]), (10, ["accuracy", "top_5_accuracy"])])
def test_top_five_from_ten_classes_on(classes, names):
    assert [metric.name for metric in accuracies(classes)] == names
