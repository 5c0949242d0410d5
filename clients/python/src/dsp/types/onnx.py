"""Models of ONNX, as they are: the file holds numbers and a graph, and runs nothing on load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_MEDIA = "application/vnd.onnx"
_PROTOBUF_BYTES = (2 << 30) - 1


class Onnx:
    """`onnx.ModelProto`, with all its weights inside."""

    name = "onnx"

    def matches(self, value: object) -> bool:
        return instance(value, "onnx", "ModelProto")

    def encode(self, value: Any) -> Encoded:
        from onnx.external_data_helper import _get_all_tensors, uses_external_data

        outside = [one.name for one in _get_all_tensors(value) if uses_external_data(one)]
        if outside:
            raise UnsupportedObjectTypeException(
                f"the weights {outside[0]!r} of the model lie in a file beside it",
                hint="onnx.load(path) brings them in; or push the folder as a pathlib.Path",
            )
        if value.ByteSize() > _PROTOBUF_BYTES:
            raise UnsupportedObjectTypeException(
                "protobuf holds no model of 2 GiB or more",
                hint="onnx.save(..., save_as_external_data=True), and push that folder",
            )
        data = value.SerializeToString(deterministic=True)
        return Encoded(".onnx", _MEDIA, "onnx", data=data)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == _MEDIA

    def decode(self, attachment: Attachment) -> Any:
        onnx = library("onnx", what=f"the model {attachment.reference}")
        message = library("google.protobuf.message", pip="onnx", what=attachment.reference)
        try:
            model = onnx.load_model_from_string(attachment.read())
            # Nearly any bytes are some message of protobuf.
            if not model.HasField("graph"):
                raise ValueError("it has no graph")
        except (message.DecodeError, ValueError) as error:
            raise unreadable(attachment, "model of ONNX", error) from error
        return model
