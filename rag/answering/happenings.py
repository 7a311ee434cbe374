"""Words that say that something happened, with those that say the same of it; knows English.

Stems alone take "left" for another word than "leave", and "wedding" for another than "marry".
"""

from __future__ import annotations

from functools import cache

from rag.terms import spelt_terms

# Words that say the same happening: those before "|" are asked with, all of a line answer. Irregular forms are there
# too, since stemming does not undo them.
_SAME = """
    die died dies dying death dead killed kill | executed murdered assassinated perished deceased massacred
    born birth |
    marry married marries marriage wed wedding | wife husband spouse
    divorce divorced | separated
    found founded founding foundation establish established form formed create created | creation started began founder
    build built construct constructed erect erected | building construction completed finished
    rebuild rebuilt | reconstructed
    begin began begun start started commence | beginning starting commenced launch launched opened outbreak
    end ended finish finished conclude concluded | ending conclusion ceased stop stopped over lasted until
    buy bought purchase purchased acquire acquired | acquisition
    sell sold | sale sells
    leave left quit depart departed | departure leaves resigned
    resign resigned | resignation left
    retire retired | retirement
    join joined enter entered | became
    win won | wins winning victory victorious defeated beat
    lose lost | loses losing loss
    move moved relocate relocated migrate migrated | transferred moving settled came
    publish published release released premiere premiered | publication appeared issued debuted slated
    introduce introduced | launched passed enacted adopted founded
    destroy destroyed demolish demolished | destruction burned burnt razed
    discover discovered | discovery found identified detected confirmed
    invent invented develop developed | invention created designed patented
    write wrote written | writes author composed published
    become became | becomes made appointed elected
    arrive arrived reach reached | arrival came come landed
    come came | comes arrived entered
    go went gone | goes
    return returned | came back
    take took taken | takes
    give gave given | gives granted
    make made | makes created produced built manufactured
    hold held host hosted | holds took
    see saw seen | sees visible
    send sent | sends
    study studied studies | educated attended graduated
    teach taught | teaches
    live lived | lives living resided resides
    work worked | works working employed job
    open opened opens | opening
    close closed closes shut | closing closure
    sign signed | signing signature
    elect elected | election
    appoint appointed | named became
    rise rose risen | rises
    fall fell fallen | falls
    grow grew grown | growth
    lead led | leads
    fight fought | fights
    meet met | meets
    receive received | awarded got won
    keep kept | stored
    spend spent | spends
    pay paid | pays
    cost costs | price priced
    carry carried | carries
    say said | says stated
    speak spoke spoken | speaks
    know knew known | knows
    draw drew drawn | draws
    sink sank sunk | sinks
    break broke broken | breaks
    steal stole stolen | theft
    bring brought | brings
    lie lay | lies located situated
    locate located situate situated | lies stands
    weigh weighs weighed | weight
    rule ruled reign reigned | reigns
    pass passed enact enacted adopt adopted | passes
"""
# Those that say nothing of what happens.
EMPTY = frozenset(
    "happen occur take place exist be have get do use last run call name consist contain compris includ".split()
)


def stem(word: str) -> str:
    """Return a word as the terms of a text have it."""
    found = spelt_terms(word)
    return found[0][2] if found else word.casefold()


@cache
def _groups() -> dict[str, frozenset[str]]:
    groups: dict[str, frozenset[str]] = {}
    for line in _SAME.strip().splitlines():
        asking, _, answering = line.partition("|")
        stems = frozenset(stem(word) for word in f"{asking} {answering}".split())
        for key in {stem(word) for word in asking.split()}:
            groups[key] = groups.get(key, frozenset()) | stems
    return groups


@cache
def events() -> frozenset[str]:
    """Return the stems of words that are known to say what happens."""
    return frozenset(_groups()) - EMPTY


def same(word: str) -> frozenset[str]:
    """Return the stems of which each says what a word says."""
    own = stem(word)
    return _groups().get(own, frozenset()) | {own}
