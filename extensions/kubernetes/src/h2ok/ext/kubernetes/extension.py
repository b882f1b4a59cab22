"""Declaration of the kubernetes extension."""

from h2ok.capabilities.contracts.extension import CoreExtension, Discovery, Extension

extension = Extension(
    name="kubernetes",
    priority=50,
    help="Finds the pods of a cloud by the DNS name of a headless service and tells probes which one leads.",
    provides=(
        CoreExtension("Kubernetes", "h2ok.ext.kubernetes.core:KubernetesCore"),
        Discovery("kubernetes", "h2ok.ext.kubernetes.lookup:KubernetesDiscovery"),
    ),
)
