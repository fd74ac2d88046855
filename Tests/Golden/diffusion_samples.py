"""Noisy images for the golden numbers of diffusion models: the fields input, condition, time and target as numpy arrays."""
import numpy

# Steps of noise (Ho et al. 2020: variances that grow linearly from 1e-4 to 0.02).
STEPS = 1000
# The number that stands for "no class" is CLASSES itself.
CLASSES = 10
# The last token is padding.
VOCABULARY = 29
CAPTION_TOKENS = 9


def samples(random, rows, shape, condition):
    """Waves whose direction is the class's, with noise; the noise is the target.

    random: a numpy.random.Generator. shape: [height, width, channels]. condition: "none", "class" or "text".
    """
    height, width, channels = shape
    labels = random.integers(0, CLASSES, rows)
    v, u = numpy.meshgrid(numpy.arange(height), numpy.arange(width), indexing="ij")
    angle = numpy.pi * labels / CLASSES
    phase = u * numpy.cos(angle)[:, None, None] + v * numpy.sin(angle)[:, None, None]
    clean = numpy.sin(phase[..., None] + numpy.arange(channels))
    time = random.integers(0, STEPS, rows)
    kept = numpy.cumprod(1 - numpy.linspace(1e-4, 0.02, STEPS))[time].reshape(-1, 1, 1, 1)
    noise = random.standard_normal((rows, height, width, channels))
    fields = {"input": (numpy.sqrt(kept) * clean + numpy.sqrt(1 - kept) * noise).astype(numpy.float32)}
    if condition == "class":
        dropped = random.random(rows) < 0.2
        fields["condition"] = numpy.where(dropped, CLASSES, labels).astype(numpy.int32)
    if condition == "text":
        tokens = (labels[:, None] * 3 + numpy.arange(CAPTION_TOKENS)) % (VOCABULARY - 1)
        lengths = random.integers(0, CAPTION_TOKENS + 1, rows)
        tokens[numpy.arange(CAPTION_TOKENS) >= lengths[:, None]] = VOCABULARY - 1
        fields["condition"] = tokens.astype(numpy.int32)
    return fields | {"time": time.astype(numpy.int32), "target": noise.astype(numpy.float32)}
