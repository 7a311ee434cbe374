"""What errors and notices say, in English as they are raised, and in Chinese; knows nothing of where they are shown.

``{}`` stands for what a message names; ``{…}`` for a message in itself, which is put into Chinese too. A test compares
the English with what the modules raise, so that neither goes without the other.
"""

from __future__ import annotations

from collections.abc import Mapping

# Of the service and its pages.
_SERVICE = {
    "too many questions are waiting; ask again in {} seconds": "等待中的问题过多，请在 {} 秒后重试",
    "the question was given up: its asker left, or the service is ending": "提问已取消：提问者已离开，或服务正在停止",
    "this page was not asked for by anybody; load it again": "无法确认是谁请求了此页面，请重新载入",
    "this token may not {} the library {}": "此令牌无权对文档库 {1} 进行“{0}”操作",
    "this token may read no library": "此令牌不能读取任何文档库",
    "the library 'default' is the one this service was started with; it stays": "文档库 default 随服务启动，不能删除",
    "this service holds one library; start it with --collections FOLDER for several": "此服务只有一个文档库；如需多个，"
    "请用 --collections 文件夹 启动",
    "there is no library {} here; GET /v1/libraries lists those there are": "这里没有文档库 {}",
    "{} is no name for a library; use 1 to 64 of the small letters a to z, digits, - and _": "{} 不能作为文档库的名称，"
    "请使用 1 至 64 个小写字母、数字、- 或 _",
    "there is a library {} already; choose another name": "已有名为 {} 的文档库，请换一个名称",
    "cannot remove the library {}: {}": "无法删除文档库 {}：{}",
    "these documents hold {} passages, more than can be restored": "这些文档共有 {} 个段落，删除后无法恢复",
    "this folder may not be read from here, or is not there: it has to lie in one that the library was indexed from, or "
    "in one of the setting sync_folders": "不能从这里读取此文件夹，或该文件夹不存在：它必须位于文档库曾索引过的文件夹中，"
    "或设置 sync_folders 所列的文件夹中",
    "internal error ({}); the server's log says more": "内部错误（{}），详情见服务器日志",
}
_GOLD = {
    "the evaluation {} is under way, and there is one at a time; wait for it, or cancel it": "评估 {} 正在进行，"
    "同一时间只能进行一次；请等待其结束或将其停止",
    "this gold set is no longer there; load the page again": "此标准问题集已不存在，请重新载入页面",
    "this evaluation is no longer kept; run it again": "此次评估已不再保留，请重新评估",
    "move the slider to the threshold to be kept": "请先将滑块移到要保存的阈值",
    "no question of this gold set is answered at this threshold; choose a lower one": "在此阈值下没有问题得到回答，"
    "请选择较低的阈值",
    "{} questions are too few to calibrate on; give at least {}": "{} 个问题不足以进行校准，至少需要 {} 个",
    "{} holds no row": "{} 中没有任何行",
    "{…}; `rag eval check` lists all problems": "{…}；运行 rag eval check 可列出所有问题",
    "the gold set is larger than {} MB": "标准问题集大于 {} MB",
}
_FEEDBACK = {
    "it says neither right nor wrong": "其中既没有说对，也没有说错",
    "it is not in the form of feedback": "其格式不是反馈",
    "a passage has to have a document and a quote": "段落必须包含文档和引文",
    "the documents no longer hold what this answer cites; ask again": "文档中已没有此答案引用的内容，请重新提问",
    "the passage does not stand in {} as selected; select it again": "所选段落与 {} 中的内容不符，请重新选择",
    "the {} has {} characters; at most {} are kept": "{} 有 {} 个字符，最多保留 {} 个",
    "{} holds {} bytes already; move its rows elsewhere": "{} 已有 {} 字节，请将其中的行移到别处",
    "the {} holds half a character at {}": "{} 在位置 {} 处有不完整的字符",
    "others keep writing feedback; try again": "其他人正在写入反馈，请重试",
    "feedback cannot be written: {}": "无法写入反馈：{}",
    "{} holds {} rows already; move them elsewhere": "{} 已有 {} 行，请将其移到别处",
    "a conversation has to be a list of turns": "对话必须是问答的列表",
    "a conversation of {} bytes is too long; at most {} are read": "对话有 {} 字节，过长；最多读取 {} 字节",
    "a turn has to have a question in words": "每轮对话都必须有文字问题",
    "an answer holds numbers that it cannot have": "答案中含有不可能的数字",
    "a conversation has to be plain JSON": "对话必须是普通的 JSON",
    "a turn holds no answer": "一轮对话中没有答案",
}
_QUESTIONS = {
    "the question is empty; ask something, for example: rag ask 'Who wrote this?'": "问题为空，请输入问题",
    "the question holds half of a surrogate pair, which is no Unicode text; type it anew": "问题中含有不完整的字符，"
    "请重新输入",
    "the question has {} characters, more than {}; ask something shorter, or raise the setting question_chars": "问题有 "
    "{} 个字符，超过 {} 个；请缩短问题，或提高设置 question_chars",
    "the library {} holds no documents; add some: rag index PATH": "文档库 {} 中没有文档，请先添加",
    "the library {} cannot be written ({}); what it held is still there: make room or mend the disk, then try again":
    "无法写入文档库 {}（{}），原有内容仍在；请腾出空间或修复磁盘后重试",
    "another process is writing to the library {}; try again when it is done": "另一个进程正在写入文档库 {}，请待其完成后重试",
    "{} is writing to the library {}; try again when it is done": "{} 正在写入文档库 {}，请待其完成后重试",
    "the library changed while it was asked; ask again": "提问时文档库发生了变化，请重新提问",
    "passages are missing in {}; run: rag doctor": "{} 中缺少段落，请运行 rag doctor",
    "{} cannot be read ({}); run: rag doctor": "无法读取 {}（{}），请运行 rag doctor",
}  # fmt: skip
# Reasons that stand behind the name of a file.
_FILES = {
    "{…} (and {} more like that)": "{…}（另有 {} 个类似）",
    "{} would replace {}, which has the same id {}; rename one of them, or index both folders together: rag index A B": "{} 会替换 {}，两者的标识都是 {}；请重命名其中之一，或将两个文件夹一起索引",
    "nothing could be read: {…}; the library is as it was": "没有可读取的内容：{…}；文档库保持原样",
    "has no text on its page; it seems scanned: make its text readable with an OCR program first, for example ocrmypdf "
    "IN.pdf OUT.pdf, or set ocr = on (RAG_OCR=on)": "的页面没有文字，似乎是扫描件：请先用 OCR 程序（如 ocrmypdf）处理，"
    "或设置 ocr = on（RAG_OCR=on）",
    "has no text on its {} pages; it seems scanned: make its text readable with an OCR program first, for example "
    "ocrmypdf IN.pdf OUT.pdf, or set ocr = on (RAG_OCR=on)": "的 {} 页都没有文字，似乎是扫描件：请先用 OCR 程序"
    "（如 ocrmypdf）处理，或设置 ocr = on（RAG_OCR=on）",
    "has no text on its page, and none was recognised in their pictures": "的页面没有文字，图像中也未识别出文字",
    "has no text on its {} pages, and none was recognised in their pictures": "的 {} 页都没有文字，图像中也未识别出文字",
    "has no text on its page; to recognise it run: pip install 'leadgoose[ocr]', or set ocr = off (RAG_OCR=off)": "的页面没有文字；如需识别，请运行 pip install 'leadgoose[ocr]'，或设置 ocr = off（RAG_OCR=off）",
    "has no text on its {} pages; to recognise it run: pip install 'leadgoose[ocr]', or set ocr = off (RAG_OCR=off)": "的 {} 页都没有文字；如需识别，请运行 pip install 'leadgoose[ocr]'，或设置 ocr = off（RAG_OCR=off）",
    "has no text on {} of its {} pages ({}); to recognise it run: pip install 'leadgoose[ocr]', or set ocr = off "
    "(RAG_OCR=off)": "的 {1} 页中有 {0} 页没有文字（{2}）；如需识别，请运行 pip install 'leadgoose[ocr]'，"
    "或设置 ocr = off（RAG_OCR=off）",
    "is encrypted with a password; save it without one": "有密码保护，请另存为无密码的文件",
    "is damaged, or no PDF at all; open it in a reader and save it anew": "已损坏，或不是 PDF；请用阅读器打开并另存",
    "is no longer in its archive; index again": "已不在压缩包中，请重新索引",
    "cannot be unpacked: {}; pack the archive anew": "无法解压（{}），请重新打包",
    "is damaged, or no zip archive at all ({}); pack it anew": "已损坏，或不是 zip 压缩包（{}），请重新打包",
    "seems to be binary: it has NUL bytes but is not UTF-16 or UTF-32; export its text as UTF-8": "似乎是二进制文件，"
    "请将其文字导出为 UTF-8",
    "seems to be binary: {}; export its text as UTF-8": "似乎是二进制文件（{}），请将其文字导出为 UTF-8",
    "is in an encoding that cannot be told; save it as UTF-8": "的编码无法识别，请保存为 UTF-8",
    "begins as {} but byte {} is not; save it as UTF-8": "开头为 {}，但第 {} 字节不是，请保存为 UTF-8",
    "seems to be {}, not text; export its text or give it its own suffix": "似乎是 {}，不是文本；请导出其文字或改用正确的"
    "后缀",
    "is empty or only white space; remove it or give it text": "是空的或只有空白，请删除或补充文字",
    "is no e-mail: it has no headers such as From and Subject": "不是电子邮件：没有 From、Subject 等信头",
    "cannot be read: {}": "无法读取：{}",
    "cannot be opened: {}": "无法打开：{}",
    "cannot be parsed: {}": "无法解析：{}",
    "has the suffix {}, which is not supported": "的后缀 {} 不受支持",
    "unsupported suffix {}; supported are {}": "后缀 {} 不受支持；支持的有 {}",
    "holds no text": "没有文字",
    "the document holds no text": "文档没有文字",
    "is encrypted, or an old Office document; save it anew without a password": "已加密，或是旧版 Office 文档；请另存为"
    "无密码的新格式",
    "is damaged, or no {} file at all; save it anew": "已损坏，或不是 {} 文件，请另存",
    "is damaged, or no {} file at all ({}); save it anew": "已损坏，或不是 {} 文件（{}），请另存",
    "is no table in plain text: {}": "不是纯文本表格：{}",
    "is no JSON{}: {}": "不是 JSON{}：{}",
    "crashes its parser ({}); open it in its own program and save it anew": "使解析程序崩溃（{}），请用原程序打开并另存",
    "{…}; raise the setting {} ({}) to read it": "{…}；如需读取，请提高设置 {}（{}）",
    "holds more than {} files": "包含超过 {} 个文件",
    "is larger than {} MB": "大于 {} MB",
    "is larger than {} MB, the setting file_mb": "大于 {} MB（设置 file_mb）",
    "is an archive {} deep in archives, more than {}": "是嵌套 {} 层的压缩包，超过 {} 层",
    "is beyond a limit ({})": "超出限制（{}）",
    "would expand to {} times its size, more than {}": "解压后将达原大小的 {} 倍，超过 {} 倍",
    "takes more than {} MB of memory to parse": "解析所需内存超过 {} MB",
    "takes longer than {} s to parse": "解析时间超过 {} 秒",
    "gives more than {} characters": "的文字超过 {} 个字符",
    "is nested too deeply to be read": "嵌套过深，无法读取",
    "has {} pages, more than {}": "有 {} 页，超过 {} 页",
    "has more than {} characters": "超过 {} 个字符",
    "has {} characters, more than {}": "有 {} 个字符，超过 {} 个",
    "its name leads out of the archive; it is not read": "其名称指向压缩包之外，不予读取",
    "its name holds control characters": "其名称含有控制字符",
    "is a link, which is not followed": "是链接，不予跟随",
    "is encrypted; pack it without a password": "已加密，请不带密码打包",
    "is packed in an unusual way; pack it with an ordinary zip program": "打包方式特殊，请用普通的 zip 程序打包",
    "stands in the archive more than once; pack it anew": "在压缩包中出现多次，请重新打包",
    "cannot read {}: {}; check the path and its permissions": "无法读取 {}：{}；请检查路径和权限",
    "cannot read {}: it is a link now; put a file in its place, or index again": "无法读取 {}：它现在是链接；请放回文件，"
    "或重新索引",
    "cannot read {}: it is no regular file; put one in its place": "无法读取 {}：它不是普通文件",
    "nothing to index in {}: supported are {}; left out, for one: {} ({…})": "{} 中没有可索引的内容（支持的有 {}）；例如 "
    "{}：{…}",
    "nothing to index in {}: supported are {}; add such files or name another path": "{} 中没有可索引的内容（支持的有 {}）",
    "{} is no name for a file; give it one that begins with no dot": "{} 不能作为文件名，请换一个不以点开头的名称",
    "{} holds characters that do not show; give it another name": "{} 含有不可见的字符，请换一个名称",
    "its name is longer than {} bytes; give it a shorter one": "其名称超过 {} 字节，请缩短",
    "a file of this name came before it in the same upload": "同一次上传中已有同名文件",
    "could not be read; upload it by itself": "无法读取，请单独上传",
}
# Behind the name of a chat model.
_CHAT = {
    "The chat model {} {…}; the answer is in the documents' own words.": "聊天模型 {} {…}；答案采用文档原文。",
    "One sentence of the chat model {} marked: not supported by the passages.": "聊天模型 {} 有一句没有段落支持，已标出。",
    "One sentence of the chat model {} left out: not supported by the passages.": "聊天模型 {} 有一句没有段落支持，"
    "已省略。",
    "{} sentences of the chat model {} marked: not supported by the passages.": "聊天模型 {1} 有 {0} 句没有段落支持，"
    "已标出。",
    "{} sentences of the chat model {} left out: not supported by the passages.": "聊天模型 {1} 有 {0} 句没有段落支持，"
    "已省略。",
    "did not finish its reply within {} s": "未在 {} 秒内完成回复",
    "is still writing": "仍在书写",
    "failed {} times in a row and is left alone for {} s more": "连续失败 {} 次，{} 秒内不再使用",
    "was closed meanwhile": "已被关闭",
    "met a fault inside leadgoose ({})": "遇到 leadgoose 内部错误（{}）",
    "broke off in the middle of its reply": "回复中断",
    "needs a package that is not installed; run: pip install '{}'": "需要安装软件包，请运行 pip install '{}'",
    "sent what is no reply of a chat model ({})": "返回的不是聊天模型的回复（{}）",
    "{…} (HTTP {})": "{…}（HTTP {}）",
    "does not accept the key": "不接受密钥",
    "is not known at its address": "在其地址上不存在",
    "finds the prompt too long; lower chat_tokens": "认为提示过长，请降低 chat_tokens",
    "takes no more requests at present": "目前不再接受请求",
    "has a fault": "出现故障",
    "does not accept the request": "不接受请求",
    "cannot be loaded: there is no file {}": "无法加载：没有文件 {}",
    "cannot be loaded: {} is not a GGUF file that can be served": "无法加载：{} 不是可用的 GGUF 文件",
    "fell silent": "没有回应",
    "cannot be reached": "无法连接",
    "wrote what cannot be checked: the encoder fails": "的回复无法核对：编码模型出错",
}
# What stands beside a source.
_SOURCES = {
    "the file has changed since it was indexed; run: rag index": "文件在索引之后已被修改，请运行 rag index",
    "the file is no longer there; run: rag index": "文件已不在原处，请运行 rag index",
    "same text in {}": "与 {} 的文字相同",
}
CHINESE: Mapping[str, str] = _SERVICE | _GOLD | _FEEDBACK | _QUESTIONS | _FILES | _CHAT | _SOURCES
