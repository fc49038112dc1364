"""What sensors tell: stations and their datastreams, readings taken in without loss, silences, series."""
