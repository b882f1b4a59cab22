"""The cloud: the set of nodes that share one DKV."""
