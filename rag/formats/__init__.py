"""Files to text, format by format, parsed in throwaway processes."""
