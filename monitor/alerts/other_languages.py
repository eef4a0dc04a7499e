"""Words that hold sentences together in German, French, Spanish, Polish and Russian.

Their negations stand apart. Of verbs, only those that help others.
"""

from __future__ import annotations

from typing import NamedTuple


class Language(NamedTuple):
    """Function words of a language: ``before`` and ``behind`` are negations of what follows, or stood before."""

    before: frozenset[str]
    behind: frozenset[str]
    others: frozenset[str]


def _language(before: str, behind: str, others: str) -> Language:
    return Language(*(frozenset(words.split()) for words in (before, behind, others)))


LANGUAGES = (
    _language(
        "kein keine keinen keinem keiner keines nicht nie niemals ohne nichts niemand",
        "nicht nie niemals nichts",
        """
        der die das den dem des ein eine einen einem einer eines und oder aber denn weil dass daß ob wenn als
        wie wo wann warum wieso weshalb was wer wen wem wessen welche welcher welches welchen ich du er sie es
        wir ihr mich mir dich dir ihn ihm uns euch ihnen sich man mein meine meinen meinem meiner meines dein
        deine deinen sein seine seinen seinem seiner unser unsere unseren unserem unserer ihre ihren ihrem ihrer
        ihres euer eure dieser diese dieses diesen diesem jener jene jenes alle alles allen aller jeder jede
        jedes jeden jedem andere anderen anderer anderes viel viele vielen mehr weniger etwas einige bin bist
        ist sind seid war waren wäre wären gewesen habe hast hat haben hatte hatten hätte hätten gehabt werde
        wirst wird werden wurde wurden würde würden worden geworden kann kannst können konnte konnten könnte
        könnten muss muß müssen musste mussten soll sollen sollte sollten will wollen wollte wollten möchte
        möchten darf dürfen mag tun in im ins an am ans auf aus bei beim mit nach von vom vor zu zum zur für
        durch gegen um über unter zwischen hinter neben bis seit während wegen trotz ab hier da dort dann nun
        jetzt noch schon auch nur sehr so doch mal ja nein bitte immer wieder erst bereits heute gestern daher
        deshalb damit dazu darauf davon dabei dafür daran sowie also sondern zwar etwa fast ganz
        """,
    ),
    _language(
        "ne pas sans aucun aucune jamais rien personne ni",
        "pas plus jamais rien",
        """
        le la les un une des du de au aux ce cet cette ces cela ça ceci mon ma mes ton ta tes son sa ses notre
        nos votre vos leur leurs je tu il elle on nous vous ils elles me te se lui eux moi toi soi en qui que
        quoi dont où quel quelle quels quelles lequel laquelle et ou mais donc or car si comme quand lorsque
        puisque parce pourquoi comment combien est es suis sommes êtes sont était étaient été être ai as avons
        avez ont avait avaient avoir eu sera seront serait fait faire faites peut peux pouvez peuvent pouvoir
        doit dois devez doivent veux veut voulez va vais vont allez par pour avec dans sur sous vers chez entre
        depuis pendant avant après contre jusque jusqu dès à ici là y tout toute tous toutes autre autres même
        mêmes très trop peu beaucoup aussi encore déjà toujours plus moins non oui bien alors ainsi merci
        bonjour hier demain aujourd'hui
        """,
    ),
    _language(
        "no sin nunca jamás ningún ninguna ninguno nada nadie ni tampoco",
        "",
        """
        el la los las un una unos unas lo al del de a en con por para sobre entre desde hasta hacia contra según
        durante ante bajo tras y e o u pero sino porque pues aunque si que qué quien quién quienes cual cuál
        cuáles como cómo cuando cuándo donde dónde cuanto cuánto yo tú él ella usted ustedes nosotros ellos
        ellas me te se nos os le les mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta esto estos
        estas ese esa eso esos esas aquel aquella es soy eres somos son era eran fue fueron sea ser sido siendo
        está estoy están estaba estar he has ha hemos han había haber hay tengo tiene tienen tener puedo puede
        pueden podría poder debe deben hacer hace hago hizo quiero quiere voy va van más menos muy mucho mucha
        muchos muchas poco todo toda todos todas otro otra otros otras mismo misma algo alguien algún alguna
        también ya aún todavía solo sólo siempre así ahora aquí allí hoy ayer bien sí gracias hola
        """,
    ),
    _language(
        "nie bez nigdy nic nikt żaden żadna żadne żadnych ani",
        "",
        """
        i a oraz albo lub ale lecz czy że żeby aby bo ponieważ jeśli jeżeli gdy kiedy jak gdzie dlaczego co kto
        czego kogo czym kim który która które którzy których którego której którym ja ty on ona ono my wy oni
        one mnie mi mną ciebie ci go jego jemu mu jej ją nas nam nami was wam ich im nimi się siebie sobie mój
        moja moje moją mojego mojej mojego swój swoje swoją nasz nasza nasze państwo państwa pan pani ten ta to
        te tego tej temu tym tę tych tymi taki taka takie tak ów jestem jest są jesteśmy był była było były być
        będę będzie będą mam masz ma mamy mają miał mieć mogę może mogą można móc muszę musi trzeba chcę chce w
        we z ze na do od po o u przy przez przed za nad pod dla między ku wśród podczas już jeszcze tylko też
        także bardzo więc tu tutaj tam teraz dziś dzisiaj wczoraj zawsze znowu znów wszystko wszystkie wszyscy
        każdy każda inny inne inna więcej mniej kilka jakiś jakaś jakieś proszę dziękuję dzień dobry
        """,
    ),
    _language(
        "не нет без ни никогда ничего никто нельзя",
        "",
        """
        и а но или да же ли бы б что чтобы как когда если то потому поэтому так где куда откуда почему зачем кто
        кого кому чем чего чему который которая которое которые которого которой которых я ты он она оно мы вы
        они меня мне мной тебя тебе его ему им её ее ей нас нам нами вас вам вами их ими себя себе мой моя моё
        мое мои моего моей моих наш наша наше наши ваш ваша ваше ваши свой своя свое своё свои этот эта это эти
        этого этой этом этих этим тот та те того той том тех тем такой такая такое такие весь вся всё все всего
        всех всем сам сама сами другой другая другие есть был была было были быть буду будет будут могу может
        можно могут мочь надо нужно хочу хочет должен должна должны в во на с со к ко у о об от до из за по под
        над при про для через между после перед около уже ещё еще только очень тоже также вот здесь там тут
        теперь сейчас сегодня вчера всегда опять снова более больше меньше пожалуйста спасибо здравствуйте
        """,
    ),
)
"""Each is known by these words, where a text has more of them than of any other's."""
