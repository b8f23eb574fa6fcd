"""What a model sees with: llama.cpp's multimodal library (mtmd) with the file of a projector."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from jupyter_llm.engines.common.stopping import LoadStoppedError, OnLoading
from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import Image

from .batch import pointer_to
from .bindings import load_mtmd, log_lines
from .params import ResolvedOptions
from .pictures import Picture
from .sight import Sight

_NUM_AXES = 4
"""The positions of a token of an image in M-RoPE."""

_COMPUTE_SHARE = 4
_MIN_COMPUTE_BYTES = 64 << 20
"""Of a projector that is not loaded we only know the file: mtmd plans nothing in advance."""


class Projector:
    """An image encoder with its projection into a model's embeddings.

    Used by one thread at a time; it may compute while the model does.

    Raises:
        ModelFileError: llama.cpp does not understand the file, or it is another model's.
        LoadStoppedError: `on_loading` returned False.
    """

    def __init__(
        self,
        path: str,
        llama: ModuleType,
        model: Any,
        options: ResolvedOptions,
        on_loading: OnLoading,
    ) -> None:
        self._mtmd = load_mtmd()
        self._max_whole = options.batch_size
        self._width: int = llama.llama_model_n_embd_inp(model)
        self.size_bytes = Path(path).stat().st_size
        self._handle = self._load(path, model, options, on_loading)
        self._has_axes: bool = self._mtmd.mtmd_decode_use_mrope(self._handle)

    def pieces(self, image: Image, picture: Picture, number: int) -> list[list[int] | Piece]:
        """What an image comes to: tokens and pieces to encode, which are numbered on.

        Raises:
            InvalidRequestError: This model cannot take this image.
        """
        with self._chunks(image, picture) as chunks:
            pieces = []
            for place in range(self._mtmd.mtmd_input_chunks_size(chunks)):
                chunk = self._mtmd.mtmd_input_chunks_get(chunks, place)
                pieces.append(self._piece(image, chunk, number + place))
            return pieces

    def encode(self, image: Image, piece: Piece) -> np.ndarray:
        """The vectors of a piece, a row for each token; takes its time.

        Raises:
            InvalidRequestError: llama.cpp cannot encode it.
        """
        if self._mtmd.mtmd_encode_chunk(self._handle, piece.chunk):
            raise _refused(image)
        pointer = self._mtmd.mtmd_get_output_embd(self._handle)
        shape = (piece.sight.num_tokens, self._width)
        return np.ctypeslib.as_array(pointer, shape).copy()

    def free(self) -> None:
        """Give the memory back."""
        self._mtmd.mtmd_free(self._handle)

    def _load(self, path: str, model: Any, options: ResolvedOptions, on_loading: OnLoading) -> Any:
        is_stopped = False

        def on_progress(_part: float, _user_data: object) -> bool:
            nonlocal is_stopped
            is_stopped = not on_loading(1.0)
            return not is_stopped

        callback = self._mtmd.mtmd_progress_callback(on_progress)
        params = self._mtmd.mtmd_context_params_default()
        params.use_gpu = options.num_gpu_layers != 0
        params.print_timings = False
        params.n_threads = options.num_threads
        params.progress_callback = callback
        handle = self._mtmd.mtmd_init_from_file(path.encode(), model, params)
        if is_stopped:
            raise LoadStoppedError
        if not handle or not self._mtmd.mtmd_support_vision(handle):
            raise ModelFileError(
                f"llama.cpp cannot see with {path}: {log_lines.errors()}. Move the file away to "
                "use the model without images."
            )
        return handle

    @contextmanager
    def _chunks(self, image: Image, picture: Picture) -> Iterator[Any]:
        mtmd = self._mtmd
        pixels = pointer_to(np.frombuffer(picture.rgb, np.uint8), ctypes.c_uint8)
        bitmap = mtmd.mtmd_bitmap_init(picture.width, picture.height, pixels)
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            marker = mtmd.mtmd_get_marker(self._handle)
            text = mtmd.mtmd_input_text(
                text=marker, text_len=len(marker), add_special=False, parse_special=True
            )
            bitmaps = (ctypes.c_void_p * 1)(bitmap)
            if mtmd.mtmd_tokenize(self._handle, chunks, ctypes.byref(text), bitmaps, 1):
                raise _refused(image)
            yield chunks
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            mtmd.mtmd_bitmap_free(bitmap)

    def _piece(self, image: Image, chunk: Any, number: int) -> list[int] | Piece:
        mtmd = self._mtmd
        if mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
            count = ctypes.c_size_t()
            tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
            return list(tokens[: count.value])
        num_tokens: int = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
        reads_whole: bool = mtmd.mtmd_decode_use_non_causal(self._handle, chunk)
        if reads_whole and num_tokens > self._max_whole:
            raise InvalidRequestError(
                f"This image takes {num_tokens} tokens, which the model reads in one step, and a "
                f"step has {self._max_whole}: load the model with a larger batch_size.",
                param=image.param,
            )
        places = self._places(chunk, 0, num_tokens)
        return Piece(
            mtmd,
            chunk,
            Sight(
                number=number,
                num_tokens=num_tokens,
                num_positions=mtmd.mtmd_input_chunk_get_n_pos(chunk),
                places=places,
                shifts=self._places(chunk, 1, num_tokens) - places,
                reads_whole=reads_whole,
            ),
        )

    def _places(self, chunk: Any, start: int, num_tokens: int) -> np.ndarray:
        """The positions of an image's tokens when it begins at `start`, axis by axis."""
        mtmd = self._mtmd
        places = (mtmd.mtmd_decoder_pos * num_tokens)()
        image_tokens = mtmd.mtmd_input_chunk_get_tokens_image(chunk)
        mtmd.mtmd_helper_image_get_decoder_pos(image_tokens, start, places)
        # in the order of llama.cpp's own helper: time, row, column, and one that is free
        t, x, y, z = np.ctypeslib.as_array(places).view(np.uint32).reshape(-1, _NUM_AXES).T
        axes = (t, y, x, z) if self._has_axes else (t,)
        return np.stack(axes).astype(np.int32)


class Piece:
    """A piece of an image with the pixels that are to be encoded; freed when it is dropped."""

    def __init__(self, mtmd: ModuleType, chunk: Any, sight: Sight) -> None:
        self._mtmd = mtmd
        self.sight = sight
        self.chunk = mtmd.mtmd_input_chunk_copy(chunk)

    def __del__(self) -> None:
        self._mtmd.mtmd_input_chunk_free(self.chunk)


def planned_compute_bytes(size_bytes: int) -> int:
    """What a projector may take to compute with: nobody knows before it is loaded."""
    return max(size_bytes // _COMPUTE_SHARE, _MIN_COMPUTE_BYTES)


def _refused(image: Image) -> InvalidRequestError:
    return InvalidRequestError(
        f"llama.cpp cannot take this image in: {log_lines.errors()}. Send it in another size.",
        param=image.param,
    )
