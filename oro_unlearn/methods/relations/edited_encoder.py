"""A CLIP model that was edited elsewhere."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import nn

from oro_unlearn.methods.relations.several_encoders import SeveralEncoders
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks.adapter_files import load_adapter


class EditedEncoder(WithoutTraining, SeveralEncoders):
    """Measures an edited CLIP model beside its original and models trained without the tuple; edits nothing.

    Args:
        edited: Checkpoint of the edited model, or folder of an adapter in peft's format.
        original: Checkpoint of the model before the edit. Empty: the weights with which ``network`` is built.
        retrained: Checkpoints of the same network trained without the tuple. May be empty.
        kwargs: Arguments of :class:`SeveralEncoders`.

    Raises:
        UserError: If a file is missing or does not fit the network.
    """

    def __init__(
        self,
        edited: str,
        original: str = "",
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.edited, self.original, self.retrained = edited, original, list(retrained)

    @property
    def removable(self) -> bool:
        """Whether the edit is an adapter, which can be taken off."""
        return _is_adapter(self.edited)

    def setup(self, stage: str) -> None:
        """Load every model, once."""
        if self.networks:
            return
        super().setup(stage)
        if self.original:
            self.network.load_weights(self.original)
        files = {"unlearned": self.edited, **{f"retrained_{n}": file for n, file in enumerate(self.retrained)}}
        networks = {"original": self.network}
        for role, file in files.items():
            networks[role] = deepcopy(self.network)
            if _is_adapter(file):
                load_adapter(networks[role], Path(file))
            else:
                networks[role].load_weights(file)
        self.networks = nn.ModuleDict(networks).requires_grad_(False).eval()


def _is_adapter(file: str) -> bool:
    """Whether a path is the folder of an adapter in peft's format."""
    return (Path(file) / "adapter_config.json").is_file()
