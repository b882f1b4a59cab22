"""Declaration of the demo extension: one command."""

from h2ok.capabilities.contracts.extension import Command, Extension

extension = Extension(
    name="demo",
    priority=50,
    help="The h2ok demo command: 336,776 flights from import to prediction.",
    provides=(
        Command("demo", "h2ok.ext.demo.command:DemoCommand", help="import real flights, train GLM and GBM, predict, report"),
    ),
)
