"""JAX's functions: plain ones, jit, custom_vjp, trees of parameters."""

import pytest

import npseq as ns

jax = pytest.importorskip("jax")
jnp = jax.numpy


@pytest.fixture(autouse=True)
def _float64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def custom(factor):
    f = jax.custom_vjp(jnp.sin)
    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, dy: (factor * jnp.cos(x) * dy,))
    return f


@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_a_function_plain_or_compiled(method):
    for f in (lambda x, y: (jnp.sin(x) * y).sum(), jax.jit(lambda x, y: jnp.sin(x) * y)):
        assert ns.gradcheck(f, (jnp.array([0.3, 1.0]), jnp.array([2.0, -1.0])), method=method).passed


@pytest.mark.parametrize("factor", [1, 2])
def test_a_custom_vjp(factor):
    assert ns.gradcheck(custom(factor), jnp.array([0.3, 1.2])).passed == (factor == 1)


def test_a_tree_of_parameters():
    report = ns.gradcheck(lambda p: (p["dense"]["kernel"] ** 2).sum(), {"dense": {"kernel": jnp.ones((2, 2))}})
    assert report.passed
    assert report.tensors[0].name == "dense.kernel"


def test_a_gradient_of_ones_own():
    x = jnp.array([0.3, 1.2])
    assert ns.gradcheck(lambda x: jnp.sin(x).sum(), x, jnp.cos).passed
    assert not ns.gradcheck(lambda x: jnp.sin(x).sum(), x, jnp.ones(2)).passed


def test_float32_is_refused_with_a_remedy():
    with pytest.raises(TypeError, match=r"x must be float64, .* got float32; make it anew with dtype float64"):
        ns.gradcheck(lambda x: jnp.sin(x).sum(), jnp.ones(2, jnp.float32))
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(
        ValueError, match=r'JAX must compute in float64, .* call jax.config.update\("jax_enable_x64", True\)'
    ):
        ns.gradcheck(lambda x: jnp.sin(x).sum(), jnp.ones(2))
