"""stub for wiring"""
from dataclasses import dataclass
from rag.schema import Passage, Span
@dataclass(frozen=True)
class Chosen:
    passage: Passage; title: str; span: Span; text: str; score: float
@dataclass(frozen=True)
class Draft:
    sentences: tuple = (); abstained: bool=False; reason: str=""; confidence: float=0.
def draft(query,candidates,*,most_sentences,threshold):
    c=candidates[0]; i=max(range(len(c.sentence_late)),key=lambda i:c.sentence_late[i]); s=c.stored.passage.sentences[i]; p=c.stored.passage
    return Draft((Chosen(p,c.stored.title,s,p.text[s.start_char-p.start_char:s.end_char-p.start_char],c.score),),False,"",.5)
