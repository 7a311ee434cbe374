"""The words of the chat page in each of its languages; knows what is said, not where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

ENGLISH = "en"


@dataclass(frozen=True)
class Words:
    """What the page says of itself in one language; ``{}`` are filled in by whoever shows it."""

    code: str
    name: str
    documents: str
    document: str
    passages: str
    passage: str
    library: str
    language: str
    new: str
    past: str
    keys: str
    question: str
    placeholder: str
    send: str
    conversation: str
    welcome: str
    promise: str
    examples: str
    asked: str
    searching: str
    searched: str
    empty: str
    error: str
    broken: str
    stopped: str
    absent: str
    nearest: str
    confidence: str
    confidence_means: str
    unsupported: str
    unsupported_means: str
    citation: str
    disagree: str
    newest: str
    undated: str
    sources: str
    sources_of: str
    appear: str
    cites_none: str
    back: str
    previous: str
    following: str
    step: str
    page: str
    text_of: str
    removed: str
    changed: str
    unreadable: str
    cut_before: str
    cut_after: str
    here: str
    more: str
    reply: str
    right: str
    wrong: str
    copy: str
    markdown: str
    json: str
    whole: str
    copied: str
    not_copied: str
    saved: str
    correct: str
    correct_help: str
    right_answer: str
    right_passage: str
    use_selected: str
    not_selected: str
    comment: str
    not_here: str
    save: str
    cancel: str
    thanks: str
    noted: str
    taken_back: str
    not_kept: str
    past_none: str
    past_where: str
    past_off: str
    open: str
    rename: str
    delete: str
    delete_all: str
    close: str
    untitled: str
    not_restored: str
    keys_where: str
    key_box: str
    key_step: str
    key_back: str
    key_help: str
    keys_on: str
    answered: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        code="en",
        name="English",
        documents="documents",
        document="document",
        passages="passages",
        passage="passage",
        library="Library",
        language="Language",
        new="New conversation",
        past="Past conversations",
        keys="Keys",
        question="Question",
        placeholder="Ask about your documents",
        send="Send",
        conversation="Conversation",
        welcome="Ask your documents",
        promise="Each answer cites the exact passages it rests on. When the documents do not answer, it says so.",
        examples="For example:",
        asked="You asked:",
        searching="Searching the documents…",
        searched="Searched for:",
        empty="Type a question first.",
        error="Error.",
        broken="Something went wrong inside leadgoose. The terminal it runs in says more.",
        stopped="This question was not answered.",
        absent="Not in these documents",
        nearest="Nearest passages, not an answer",
        confidence="confidence",
        confidence_means="How probable it is that the documents answer the question and that this answer says so",
        unsupported="[not supported]",
        unsupported_means="No passage supports this sentence of the chat model",
        citation="Citation {}:",
        disagree="Sources disagree",
        newest="newest",
        undated="no date",
        sources="Sources",
        sources_of="Sources of answer {}",
        appear="The passages an answer rests on appear here, in their documents.",
        cites_none="This answer cites no passage.",
        back="Back to the answer",
        previous="Previous citation",
        following="Next citation",
        step="{} of {}",
        page="page {}",
        text_of="Text of {}",
        removed="This document is no longer in the library. The passage read:",
        changed="This document has changed since the answer was given. The passage read:",
        unreadable="The document cannot be shown: {}",
        cut_before="{} characters before this are not shown",
        cut_after="{} characters after this are not shown",
        here="In this library",
        more="and {} more",
        reply="What to do with this answer",
        right="Right",
        wrong="Wrong",
        copy="Copy",
        markdown="Markdown",
        json="JSON",
        whole="Save this conversation:",
        copied="Copied, with its citations.",
        not_copied="The browser did not allow copying.",
        saved="Saved as {}.",
        correct="What would be right?",
        correct_help="Type the answer, or select the right passage in the source panel, or say that it is not there.",
        right_answer="The right answer",
        right_passage="The right passage",
        use_selected="This is the right passage",
        not_selected="none selected yet",
        comment="Comment (optional)",
        not_here="This is not in the documents",
        save="Save",
        cancel="Cancel",
        thanks="Thank you. Kept as a question for the evaluation.",
        noted="Noted. With a correction it becomes a question for the evaluation.",
        taken_back="Taken back.",
        not_kept="Not kept: {}",
        past_none="There are none yet.",
        past_where="They are kept in this browser only, and nowhere else.",
        past_off="This browser keeps nothing, so conversations end with the page.",
        open="Open",
        rename="Rename",
        delete="Delete",
        delete_all="Delete all",
        close="Close",
        untitled="Untitled",
        not_restored="This conversation could not be restored.",
        keys_where="Keys of single letters work outside of text boxes.",
        key_box="to the question box",
        key_step="previous and next citation; with Alt and the up or down arrow from everywhere",
        key_back="from a source back to the answer",
        key_help="these keys",
        keys_on="Use keys of single letters",
        answered="Answer:",
    ),
    "zh": Words(
        code="zh",
        name="中文",
        documents="篇文档",
        document="篇文档",
        passages="个段落",
        passage="个段落",
        library="文库",
        language="语言",
        new="新对话",
        past="历史对话",
        keys="快捷键",
        question="问题",
        placeholder="就您的文档提问",
        send="发送",
        conversation="对话",
        welcome="向您的文档提问",
        promise="每个回答都引用其所依据的确切原文。文档中没有答案时，会如实说明。",
        examples="例如：",
        asked="您问：",
        searching="正在查找文档……",
        searched="实际检索：",
        empty="请先输入问题。",
        error="出错了。",
        broken="leadgoose 内部出错，运行它的终端里有更多信息。",
        stopped="这个问题没有得到回答。",
        absent="这些文档中没有答案",
        nearest="最接近的段落，并非答案",
        confidence="置信度",
        confidence_means="文档能回答这个问题、且此回答正确的概率",
        unsupported="【无依据】",
        unsupported_means="聊天模型的这句话没有段落支持",
        citation="引用 {}：",
        disagree="来源不一致",
        newest="最新",
        undated="无日期",
        sources="来源",
        sources_of="回答 {} 的来源",
        appear="回答所依据的段落会在这里，在其文档中显示。",
        cites_none="这个回答没有引用段落。",
        back="返回回答",
        previous="上一条引用",
        following="下一条引用",
        step="第 {} 条，共 {} 条",
        page="第 {} 页",
        text_of="{} 的全文",
        removed="此文档已不在文库中。当时的段落是：",
        changed="回答之后此文档已有改动。当时的段落是：",
        unreadable="无法显示此文档：{}",
        cut_before="此前还有 {} 个字符未显示",
        cut_after="此后还有 {} 个字符未显示",
        here="文库中的文档",
        more="另有 {} 篇",
        reply="对这个回答的操作",
        right="正确",
        wrong="不对",
        copy="复制",
        markdown="Markdown",
        json="JSON",
        whole="保存整个对话：",
        copied="已连同引用一起复制。",
        not_copied="浏览器不允许复制。",
        saved="已保存为 {}。",
        correct="正确的应该是什么？",
        correct_help="输入答案，或在来源中选中正确的段落，或说明文档中没有。",
        right_answer="正确的答案",
        right_passage="正确的段落",
        use_selected="这才是正确的段落",
        not_selected="尚未选中",
        comment="备注（可不填）",
        not_here="文档中没有答案",
        save="保存",
        cancel="取消",
        thanks="谢谢，已记为一道评测题。",
        noted="已记下；补上更正后就会成为评测题。",
        taken_back="已撤回。",
        not_kept="未记录：{}",
        past_none="还没有。",
        past_where="只保存在这个浏览器里，别处都没有。",
        past_off="这个浏览器不保存数据，关闭页面后对话即消失。",
        open="打开",
        rename="重命名",
        delete="删除",
        delete_all="全部删除",
        close="关闭",
        untitled="未命名",
        not_restored="无法恢复这个对话。",
        keys_where="单字母快捷键在输入框之外有效。",
        key_box="转到输入框",
        key_step="上一条、下一条引用；在任何地方可用 Alt 加上下箭头",
        key_back="从来源返回回答",
        key_help="显示快捷键",
        keys_on="启用单字母快捷键",
        answered="回答：",
    ),
}


def language_of(tag: object) -> str:
    """Return the language of the page for a browser's tag such as ``zh-CN``; English for all it does not speak."""
    main = tag[:20].replace("_", "-").partition("-")[0].lower() if isinstance(tag, str) else ""
    return main if main in WORDS else ENGLISH


def browser_words(language: str) -> dict[str, str]:
    """Return the words of a language by name, for what the browser itself shows."""
    return asdict(WORDS[language])
