//! The marks of all families, as data: where calls begin and in which form, where they end, where
//! somebody else is made to speak. A new family is a row here, and a [`Body`] when its form is new.

use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Calls follow, in this form.
    Calls(Body),
    /// An end without a beginning; it says nothing by itself.
    End,
    /// The end of a value: where one is left over a value did not end where it was thought to.
    ValueEnd,
    /// The turn is over, or somebody else's begins.
    Turn,
    /// What somebody else says, where a call stands before it; otherwise it means nothing.
    Reply,
    /// A thought ends that began with the answer.
    ThoughtEnd,
    /// A thought begins, up to this mark.
    ThoughtStart(&'static str),
}

/// The form of what follows a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// `<tool_call>`, which several families use for different things.
    Common,
    /// JSON up to one of these.
    Json(&'static [&'static str]),
    /// JSON that begins with the last byte of the mark.
    JsonFromMark,
    /// Calls in tags up to one of these words.
    Tagged {
        seed: bool,
    },
    /// The mark itself is the tag of a call.
    Tag,
    /// Mistral's token.
    Mistral,
    DeepSeekAll,
    DeepSeekOne,
    KimiAll,
    KimiOne,
    /// Kimi K3.
    Open,
    /// Gemma's literals up to one of these.
    Literal(&'static [&'static str]),
    /// A python list, or lines, up to one of these.
    Python(&'static [&'static str]),
    /// Llama's tag for code.
    PythonTag,
    /// A fence with python.
    PythonFence,
    /// `{tool => "F", args => {--key "value"}}`.
    Arrows,
    /// `>>>F` and JSON in the next line.
    Recipient,
}

pub(crate) const MARKS: &[(&str, Mark)] = {
    use Body::{
        Arrows, Common, DeepSeekAll, DeepSeekOne, Json, JsonFromMark, KimiAll, KimiOne, Literal,
        Mistral, Open, Python, PythonFence, PythonTag, Recipient, Tag, Tagged,
    };
    use Mark::{Calls, End, Reply, ThoughtEnd, ThoughtStart, Turn, ValueEnd};
    const TAGGED: Mark = Calls(Tagged { seed: false });
    &[
        ("<tool_call>", Calls(Common)),
        ("]<]minimax[>[<tool_call>", TAGGED),
        ("<tools>", Calls(Json(&["</tools>"]))),
        ("<tool_calls>", Calls(Json(&["</tool_calls>"]))),
        ("<TOOLCALL>", Calls(Json(&["</TOOLCALL>"]))),
        ("<function_call>", Calls(Json(&["</function_call>"]))),
        ("<functioncall>", Calls(Json(&["</functioncall>"]))),
        (
            "<|tool_call|>",
            Calls(Json(&["<|/tool_call|>", "</|tool_call|>"])),
        ),
        ("<|tools_prefix|>", Calls(Json(&["<|tools_suffix|>"]))),
        (
            "<|action_start|><|plugin|>",
            Calls(Json(&["<|action_end|>"])),
        ),
        (
            "<|action_start|> <|plugin|>",
            Calls(Json(&["<|action_end|>"])),
        ),
        ("<|START_ACTION|>", Calls(Json(&["<|END_ACTION|>"]))),
        ("[TOOL_REQUEST]", Calls(Json(&["[END_TOOL_REQUEST]"]))),
        ("functools[", Calls(JsonFromMark)),
        ("[TOOL_CALLS]", Calls(Mistral)),
        ("<function=", Calls(Tag)),
        ("<function name=", Calls(Tag)),
        ("<invoke name=", Calls(Tag)),
        ("<invoke name =", Calls(Tag)),
        ("<invoke ", Calls(Tag)),
        ("<｜DSML｜invoke ", Calls(Tag)),
        ("<|DSML|invoke ", Calls(Tag)),
        ("<DSML|invoke ", Calls(Tag)),
        ("<minimax:tool_call>", TAGGED),
        ("<｜DSML｜function_calls>", TAGGED),
        ("<｜DSML｜tool_calls>", TAGGED),
        ("<|DSML|function_calls>", TAGGED),
        ("<|DSML|tool_calls>", TAGGED),
        ("<DSML|function_calls>", TAGGED),
        ("<DSML|tool_calls>", TAGGED),
        ("<seed:tool_call>", Calls(Tagged { seed: true })),
        ("<function_calls>", Calls(Python(&["</function_calls>"]))),
        ("<｜tool▁calls▁begin｜>", Calls(DeepSeekAll)),
        ("<|tool▁calls▁begin|>", Calls(DeepSeekAll)),
        ("<｜tool_calls_begin｜>", Calls(DeepSeekAll)),
        ("<|tool_calls_begin|>", Calls(DeepSeekAll)),
        ("<｜tool▁call▁begin｜>", Calls(DeepSeekOne)),
        ("<|tool▁call▁begin|>", Calls(DeepSeekOne)),
        ("<｜tool_call_begin｜>", Calls(DeepSeekOne)),
        ("<|tool_calls_section_begin|>", Calls(KimiAll)),
        ("<|tool_call_section_begin|>", Calls(KimiAll)),
        ("<|tool_call_begin|>", Calls(KimiOne)),
        ("<|open|>call", Calls(Open)),
        ("<|tool_call>", Calls(Literal(&["<tool_call|>"]))),
        (
            "<start_function_call>",
            Calls(Literal(&["<end_function_call>"])),
        ),
        ("<|tool_call_start|>", Calls(Python(&["<|tool_call_end|>"]))),
        ("<|python_start|>", Calls(Python(&["<|python_end|>"]))),
        ("<|python_tag|>", Calls(PythonTag)),
        ("```tool_code", Calls(PythonFence)),
        ("```tool_call\n", Calls(Json(&["```"]))),
        ("```tool_calls\n", Calls(Json(&["```"]))),
        ("[TOOL_CALL]", Calls(Arrows)),
        (">>>", Calls(Recipient)),
        ("</tool_call>", End),
        ("</tool_calls>", End),
        ("</tools>", End),
        ("</function>", End),
        ("</function_calls>", End),
        ("</invoke>", End),
        ("</minimax:tool_call>", End),
        ("]<]minimax[>[</tool_call>", End),
        ("minimax:tool_call", End),
        ("</｜DSML｜function_calls>", End),
        ("</｜DSML｜tool_calls>", End),
        ("</DSML|tool_calls>", End),
        ("</seed:tool_call>", End),
        ("<｜tool▁calls▁end｜>", End),
        ("<｜tool▁call▁end｜>", End),
        ("<|tool_calls_section_end|>", End),
        ("<|tool_call_section_end|>", End),
        ("<|tool_call_end|>", End),
        ("<tool_call|>", End),
        ("<end_function_call>", End),
        ("<|python_end|>", End),
        ("<|action_end|>", End),
        ("<|END_ACTION|>", End),
        ("<|START_RESPONSE|>", End),
        ("<|END_RESPONSE|>", End),
        ("[END_TOOL_REQUEST]", End),
        ("</TOOLCALL>", End),
        ("</parameter>", ValueEnd),
        ("</arg_value>", ValueEnd),
        ("</｜DSML｜parameter>", ValueEnd),
        ("<|im_end|>", Turn),
        ("<|im_start|>", Turn),
        ("<|endoftext|>", Turn),
        ("<|eot_id|>", Turn),
        ("<|eom_id|>", Turn),
        ("<|start_header_id|>", Turn),
        ("<|end_of_text|>", Turn),
        ("<|end_of_role|>", Turn),
        ("<|start_of_role|>", Turn),
        ("<|eot|>", Turn),
        ("<|header_start|>", Turn),
        ("</s>", Turn),
        ("[TOOL_RESULTS]", Turn),
        ("[INST]", Turn),
        ("[e~[", Turn),
        ("]~b]", Turn),
        ("<end_of_turn>", Turn),
        ("<start_of_turn>", Turn),
        ("<turn|>", Turn),
        ("<|turn>", Turn),
        ("<eos>", Turn),
        ("<｜end▁of▁sentence｜>", Turn),
        ("<｜User｜>", Turn),
        ("<｜Assistant｜>", Turn),
        ("<｜tool▁outputs▁begin｜>", Turn),
        ("<｜tool▁output▁begin｜>", Turn),
        ("<function_results>", Turn),
        ("<function_result>", Turn),
        ("<tool_response>", Turn),
        ("<tool_result>", Turn),
        ("<tool_results>", Turn),
        ("<tool_output>", Turn),
        ("<|tool_response>", Turn),
        ("<|tool_response|>", Turn),
        ("<start_function_response>", Turn),
        ("<|observation|>", Turn),
        ("<|user|>", Turn),
        ("<|assistant|>", Turn),
        ("<|system|>", Turn),
        ("<|end|>", Turn),
        ("<|im_user|>", Turn),
        ("<|im_system|>", Turn),
        ("<|END_OF_TURN_TOKEN|>", Turn),
        ("<|START_OF_TURN_TOKEN|>", Turn),
        ("<|START_TOOL_RESULT|>", Turn),
        ("<|action_end|>\n<|im_end|>", Turn),
        ("```tool_output", Turn),
        ("```tool_response", Turn),
        ("<TOOL_RESPONSE>", Turn),
        ("[TOOL_RESULT]", Turn),
        ("<|tool_response_start|>", Turn),
        ("<tool_call_response>", Turn),
        ("<function_response>", Turn),
        ("<|tool_output|>", Turn),
        ("<|ipython|>", Turn),
        ("<response>", Reply),
        ("</response>", Reply),
        ("\n## Return of ", Reply),
        ("\nObservation:", Reply),
        ("\nHuman:", Reply),
        ("\nUser:", Reply),
        ("<think>", ThoughtStart("</think>")),
        ("<thinking>", ThoughtStart("</thinking>")),
        ("[THINK]", ThoughtStart("[/THINK]")),
        ("<seed:think>", ThoughtStart("</seed:think>")),
        ("<mm:think>", ThoughtStart("</mm:think>")),
        ("<|START_THINKING|>", ThoughtStart("<|END_THINKING|>")),
        ("</think>", ThoughtEnd),
        ("</thinking>", ThoughtEnd),
        ("</thought>", ThoughtEnd),
        ("</reasoning>", ThoughtEnd),
        ("[/THINK]", ThoughtEnd),
        ("</seed:think>", ThoughtEnd),
        ("<|END_THINKING|>", ThoughtEnd),
        ("</mm:think>", ThoughtEnd),
        ("◁/think▷", ThoughtEnd),
        ("<|end_of_thought|>", ThoughtEnd),
        ("<seed:eos>", Turn),
        ("<|end_of_msg|>", Turn),
    ]
};

/// For payloads that no mark of their own opens.
pub(crate) const NO_MARK: &str = "<tool_call>";

pub(crate) static FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(MARKS.iter().map(|(mark, _)| mark))
        .expect("BUG: the marks are few and short")
});
