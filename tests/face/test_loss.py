"""What cannot be derived is refused in the graph's names, with the user's line."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.graph.errors import NamingError, NoDerivative

NONE = cr.Op("loss_none", shape=lambda x: x)


def test_a_vector_is_no_loss():
    def f(x: "n"):
        y = cr.exp(x)
        return y

    with pytest.raises(NoDerivative) as error:
        cr.derive(f)
    assert "f returns y, which has the shape (n,)" in str(error.value) and "cr.sum(y)" in str(error.value)
    assert str(error.value).endswith(": y = cr.exp(x)") and "test_loss.py:" in str(error.value)


def test_an_integer_is_no_loss():
    with pytest.raises(NoDerivative, match=r"which is integer; a gradient is .* real scalar\n  in .*test_loss.py"):
        cr.derive(lambda x: cr.argmax(x), x="n")


def test_two_results_are_no_loss():
    with pytest.raises(NoDerivative, match=r"returns 2 quantities.*return the loss alone"):
        cr.derive(lambda x: (cr.sum(x), x), x="n")


def test_labels_have_no_derivative():
    def f(x: "n", y: "int[n]"):
        return cr.sum(x * y)

    with pytest.raises(NoDerivative, match="y is integer; derivatives are taken in real quantities"):
        cr.derive(f, wrt="y")
    with pytest.raises(NamingError, match="f has no quantity called 'w'; it has x, y"):
        cr.derive(f, wrt="w")


def test_a_quantity_without_a_name_is_written_out():
    with pytest.raises(NoDerivative, match=r"returns x ⊙ w > 2, which is boolean; .*\n  in .*test_loss.py"):
        cr.derive(lambda x, w: x * w > 2, x="n", w="n")
    with pytest.raises(NoDerivative, match=r"returns 2·x, which .*: return cr.sum\(…\) or cr.mean\(…\)"):
        cr.derive(lambda x: 2 * x, x="n")

    def doubled(x: "n"):
        made = [x]
        for _ in range(40):
            made.append(cr.tanh(made[-1]) + cr.sin(made[-1]))
        return made[-1]

    with pytest.raises(NoDerivative, match=r"returns add\(…\), which has the shape"):  # its formula has 2⁴⁰ terms
        cr.derive(doubled)


def test_a_text_is_told_in_its_own_terms():
    with pytest.raises(NoDerivative) as error:
        cr.derive(cr.parse("z = W @ x; y = 2·z; y", "x: n, W: h n"))
    assert str(error.value) == (
        "the text gives y, which has the shape (h,); a gradient is that of a real scalar: write sum(y) or mean(y)\n"
        "  z = W @ x; y = 2·z; y\n"
        "             ^"
    )
    with pytest.raises(NoDerivative, match=r"the text gives 2 quantities, .*: end with the loss alone"):
        cr.derive(cr.parse("return x, x", "x: "))


def test_a_name_that_was_meant():
    with pytest.raises(NamingError, match=r"f has no quantity called 'w1'; it has x, W1; did you mean `W1`\?"):
        cr.trace(lambda x, W1: cr.sum(W1 @ x), x="n", W1="m n")["w1"]


def test_an_operation_without_a_derivative_is_named_with_its_line():
    def f(x: "n"):
        z = NONE(x)
        return cr.sum(z)

    with pytest.raises(NoDerivative, match=r"`loss_none` has no derivative, .* needed through z.*\n  in .*NONE"):
        cr.derive(f)


def test_where_no_cotangent_passes_none_is_needed():
    def f(x: "n", c: "n"):
        return cr.sum(x * cr.stop_gradient(NONE(x)) + NONE(c) * 2)

    assert str(cr.derive(f, wrt="x").equations()[0]) == "∂L/∂x = stop_gradient(loss_none(x))"
    with pytest.raises(NoDerivative, match="`loss_none`"):
        cr.derive(f, wrt="c")
