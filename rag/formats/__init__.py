"""Files to text, format by format; all but plain text and archives are parsed in throwaway processes."""
