"""A hundred classes of small colour photographs."""

from oro_unlearn.data.images.torchvision_data import TorchvisionData

FINE_LABELS = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm
"""


class CIFAR100(TorchvisionData):
    """CIFAR-100 with its 100 fine labels: 50,000 training and 10,000 test images of 32x32 pixels (Krizhevsky 2009)."""

    name = "cifar100"
    source = "CIFAR100"
    names = tuple(FINE_LABELS.split())
    pixel_mean = (0.5071, 0.4866, 0.4409)
    pixel_std = (0.2673, 0.2564, 0.2762)
