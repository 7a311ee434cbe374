"""The evaluation harness: gold sets, metrics, and the runs that measure the service through its public interface.

Nothing is imported here, and nothing may bind the package's bare name: import names from its modules.
"""
