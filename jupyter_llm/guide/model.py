"""The network: a llama with tied embeddings, in plain PyTorch, small enough to read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The sizes of the network; `num_heads` is a multiple of `num_kv_heads`.

    `dropout` is the share of states left out at random in training: with so few weights and
    so few questions, no single word is to decide.
    """

    vocab_size: int = 2048
    hidden_size: int = 256
    ffn_size: int = 640
    num_layers: int = 4
    num_heads: int = 4
    num_kv_heads: int = 2
    head_size: int = 64
    context_length: int = 2048
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    dropout: float = 0.1


class Guide(nn.Module):
    """Token ids (batch, time) to logits (batch, time, vocabulary)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_layers))
        self.norm = nn.RMSNorm(shape.hidden_size, eps=shape.norm_eps)
        self.apply(_initialise)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of the token that follows each position."""
        return f.linear(self.states(ids), self.embed.weight)

    def states(self, ids: Tensor) -> Tensor:
        """The last hidden states, from which logits follow."""
        hidden = f.dropout(self.embed(ids), self.shape.dropout, self.training)
        rotation = _rotation(ids.shape[1], self.shape)
        for layer in self.layers:
            hidden = layer(hidden, rotation)
        return self.norm(hidden)


class Layer(nn.Module):
    """Attention, then the gated feed-forward network, each after a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, kv_width = shape.num_heads * shape.head_size, shape.num_kv_heads * shape.head_size
        self.attn_norm = nn.RMSNorm(shape.hidden_size, eps=shape.norm_eps)
        self.q = nn.Linear(shape.hidden_size, width, bias=False)
        self.k = nn.Linear(shape.hidden_size, kv_width, bias=False)
        self.v = nn.Linear(shape.hidden_size, kv_width, bias=False)
        self.o = nn.Linear(width, shape.hidden_size, bias=False)
        self.ffn_norm = nn.RMSNorm(shape.hidden_size, eps=shape.norm_eps)
        self.gate = nn.Linear(shape.hidden_size, shape.ffn_size, bias=False)
        self.up = nn.Linear(shape.hidden_size, shape.ffn_size, bias=False)
        self.down = nn.Linear(shape.ffn_size, shape.hidden_size, bias=False)

    def forward(self, hidden: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """The hidden states (batch, time, hidden) after this layer."""
        hidden = hidden + self._drop(self._attend(self.attn_norm(hidden), rotation))
        x = self.ffn_norm(hidden)
        return hidden + self._drop(self.down(f.silu(self.gate(x)) * self.up(x)))

    def _drop(self, x: Tensor) -> Tensor:
        return f.dropout(x, self.shape.dropout, self.training)

    def _attend(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        shape = self.shape
        q = _rotate(_heads(self.q(x), shape.num_heads), rotation)
        k = _rotate(_heads(self.k(x), shape.num_kv_heads), rotation)
        v = _heads(self.v(x), shape.num_kv_heads)
        repeats = shape.num_heads // shape.num_kv_heads
        k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        mixed = f.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(2))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)


def _heads(x: Tensor, num_heads: int) -> Tensor:
    return x.unflatten(2, (num_heads, -1)).transpose(1, 2)


def _rotation(length: int, shape: Shape) -> tuple[Tensor, Tensor]:
    exponents = torch.arange(0, shape.head_size, 2) / shape.head_size
    angles = torch.arange(length)[:, None] / shape.rope_theta**exponents
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions in the halves layout of Hugging Face's llama."""
    cos, sin = rotation
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin
