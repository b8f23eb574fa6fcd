"""Traits on requests: what one gets that says nothing, and what none may ask for."""

from __future__ import annotations

from traitlets import Float, HasTraits, Int, List, Unicode, default

from jupyter_llm import environment
from jupyter_llm.handlers.media import MediaRules
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.manager.quotas import Quota


class RequestTraits(HasTraits):
    """Requests to models."""

    default_temperature = Float(
        min=0,
        max=2,
        help="""The temperature of a request that gives none; 0 always takes the likeliest
        token. Default: LLM_DEFAULT_TEMPERATURE, then 0.7.""",
    ).tag(config=True)

    default_top_p = Float(
        min=0,
        max=1,
        help="""The top_p of a request that gives none.
        Default: LLM_DEFAULT_TOP_P, then 0.9.""",
    ).tag(config=True)

    default_top_k = Int(
        40,
        min=0,
        help="""How many of the likeliest tokens a request draws from that gives no top_k; 0
        draws from the whole vocabulary, which costs a millisecond a token.""",
    ).tag(config=True)

    default_max_tokens = Int(
        min=0,
        help="""The max_tokens of a request that gives none; 0 fills the context.
        Default: LLM_DEFAULT_MAX_TOKENS, then 0.""",
    ).tag(config=True)

    max_tokens_limit = Int(
        min=0,
        help="""The highest max_tokens that a request may ask for; 0 sets no limit.
        Default: LLM_MAX_TOKENS_LIMIT, then 0.""",
    ).tag(config=True)

    max_queued_requests = Int(
        256,
        min=0,
        help="""Requests that may wait for a slot of one model; one more is answered 503
        with a Retry-After.""",
    ).tag(config=True)

    max_queued_requests_per_user = Int(
        64,
        min=1,
        help="""Requests of one user that may wait for a slot of one model; one more is
        answered 429 with a Retry-After.""",
    ).tag(config=True)

    queue_timeout_s = Float(
        600.0,
        min=1.0,
        help="""Seconds that a request waits for a slot, and for its model to load; then it
        is answered 503 with a Retry-After.""",
    ).tag(config=True)

    user_requests_per_minute = Int(
        min=0,
        help="""Requests to models that one user may send in a minute; one more is answered
        429 with a Retry-After. 0 sets no limit. An API key may have a limit of its own.""",
    ).tag(config=True)

    user_tokens_per_day = Int(
        min=0,
        help="""Tokens of prompts and answers that one user may have on a day of UTC; then
        requests are answered 429 with a Retry-After. 0 sets no limit. An API key may have a
        limit of its own.""",
    ).tag(config=True)

    max_body_bytes = Int(
        16 * 1024 * 1024,
        min=1,
        help="""The largest request body in bytes; a larger one is answered 413.""",
    ).tag(config=True)

    allowed_media_hosts = List(
        Unicode(),
        help="""Hosts that images are fetched from when a request has their URL: 'host' (its
        ports 80 and 443), 'host:port', '*.domain' or '*'. Those in private networks only where
        they are named themselves. Without any, images come as data URLs alone.""",
    ).tag(config=True)

    max_images_per_request = Int(
        16, min=1, help="""Images that the messages of one request may have."""
    ).tag(config=True)

    max_media_bytes = Int(
        20 * 1024 * 1024,
        min=1,
        help="""Bytes that the images of one request may have in all, as files.""",
    ).tag(config=True)

    max_media_pixels = Int(
        25_000_000,
        min=1,
        help="""Pixels that an image may have; decoded, each takes three bytes.""",
    ).tag(config=True)

    media_timeout_s = Float(
        10.0,
        min=0.1,
        help="""Seconds that the images of one request may take to be fetched.""",
    ).tag(config=True)

    response_retention_days = Float(
        30.0,
        min=0,
        help="""Days after which a response that was stored for /v1/responses is deleted; 0
        stores none.""",
    ).tag(config=True)

    resume_grace_s = Float(
        60.0,
        min=0,
        help="""Seconds for which an answer whose request has "resumable" goes on after its
        client left, and is kept after its end; 0 refuses such requests.""",
    ).tag(config=True)

    @default("default_temperature")
    def _default_default_temperature(self) -> float:
        return environment.number("LLM_DEFAULT_TEMPERATURE", 0.7)

    @default("default_top_p")
    def _default_default_top_p(self) -> float:
        return environment.number("LLM_DEFAULT_TOP_P", 0.9)

    @default("default_max_tokens")
    def _default_default_max_tokens(self) -> int:
        return environment.integer("LLM_DEFAULT_MAX_TOKENS", 0)

    @default("max_tokens_limit")
    def _default_max_tokens_limit(self) -> int:
        return environment.integer("LLM_MAX_TOKENS_LIMIT", 0)

    def common_quota(self) -> Quota:
        """What a user may have without a quota of their own."""
        return Quota(
            requests_per_minute=self.user_requests_per_minute,
            tokens_per_day=self.user_tokens_per_day,
        )

    def media_rules(self) -> MediaRules:
        """What images a request may have."""
        return MediaRules(
            allowed_hosts=tuple(self.allowed_media_hosts),
            max_images=self.max_images_per_request,
            max_bytes=self.max_media_bytes,
            max_pixels=self.max_media_pixels,
            timeout_s=self.media_timeout_s,
        )

    def sampling_defaults(self) -> SamplingDefaults:
        """What a request gets that says nothing."""
        return SamplingDefaults(
            temperature=self.default_temperature,
            top_p=self.default_top_p,
            top_k=self.default_top_k,
            max_tokens=self.default_max_tokens,
            max_tokens_limit=self.max_tokens_limit,
        )
