use super::drawings::{SINGLE, STACK};
use super::{PageText, Texts, Words, network};
use crate::ui::help::WORDS;

const MEAN: &[&str] = &[
    "  not    bad    but    good",
    "   ↓      ↓      ↓      ↓",
    "vector vector vector vector",
    "   ╰──────┴──┬───┴──────╯",
    "           mean → Dense → answer",
];

const LOOP: &[&str] =
    &["                ╭─── h ────╮", "                ↓          │", " x → tanh(x·W + h·U + b) ──┴→ answer"];

const TO_VECTOR: &[&str] = &[
    "                   answer",
    "                      ↑",
    " h → h → h → h → h → h",
    " ↑   ↑   ↑   ↑   ↑   ↑",
    " x   x   x   x   x   x",
];

const TO_SEQUENCE: &[&str] = &[
    " y   y   y   y   y   y   answers",
    " ↑   ↑   ↑   ↑   ↑   ↑",
    " h → h → h → h → h → h",
    " ↑   ↑   ↑   ↑   ↑   ↑",
    " x   x   x   x   x   x",
];

const BPTT: &[&str] = &[
    "           forward, step by step",
    " h → h → h → h → ··· → h → h → loss",
    " h ← h ← h ← h ← ··· ← h ← h ← loss",
    "           gradient, back in time",
];

const VANISHING: &[&str] = &[
    " first ←×U← ··· ←×U← ←×U← ←×U← loss",
    "",
    " 0.8 × 0.8 × ··· × 0.8   (30 times)",
    "                      = 0.001",
];

const GRU_CELL: &[&str] = &[
    "     ╭── ×z ────────────────╮",
    " h ──┤                      + ──→ h",
    "     ╰─→ candidate ─ ×(1-z) ╯",
    "         gates z, r: from x and h",
];

const LSTM_CELL: &[&str] = &[
    " c ───── ×f ────── + ──────────→ c",
    "                   ↑         │",
    "         ×i · candidate      tanh ×o",
    "         gates f, i, o       ╰──→ h",
];

const SIMPLE_CELL: &[&str] = &[
    "       ╭────────────╮",
    " h ──→ │ tanh( ·U ) │ ──────────→ h",
    "       ╰────────────╯",
    "         no gate",
];

const WINDOW_1: &[&str] =
    &[" the movie is not bad but good", "              ╰┬╯", "            filters → strongest"];
const WINDOW_2: &[&str] =
    &[" the movie is not bad but good", "              ╰──┬──╯", "            filters → strongest"];
const WINDOW_3: &[&str] =
    &[" the movie is not bad but good", "              ╰────┬────╯", "            filters → strongest"];
const WINDOW_5: &[&str] =
    &[" the movie is not bad but good", "           ╰────────┬────────╯", "            filters → strongest"];

const OVER_STATES: &[&str] = &[
    "      each looks at all",
    "  ╭────┬────┬────┬────┬────╮",
    "  h  → h  → h  → h  → h  → h   states",
    "  ↑    ↑    ↑    ↑    ↑    ↑",
    " the movie  is  not  bad  ...",
];

const ALONE: &[&str] = &[
    "      each looks at all",
    "  ╭────┬────┬────┬────┬────╮",
    "  x    x    x    x    x    x   vectors",
    "  ↑    ↑    ↑    ↑    ↑    ↑",
    " the movie  is  not  bad  ...",
];

const DEPTH: &str = "Unrolled {depth} steps deep. At the start a gradient of {start_last} arrived at the last \
                     state and {start_first} at the first. Now the loss is {loss}; as it falls, all gradients \
                     shrink. Accuracy at step {step}: {accuracy}; guessing gives 50 %.";

const FADES: &str = "Before it had learnt anything, the gradient at the first of {depth} steps was \
                     {ratio}. Now {half_life}. Accuracy at step {step}: \
                     {accuracy}; guessing gives 50 %.";

pub static TEXTS: Texts = Texts {
    words: Words {
        lecture: "Lecture",
        to_do: "Try",
        seen: "See",
        preparing: "preparing",
        training: "training",
        paused: "paused",
        finished: "finished",
        failed: "failed",
        step: "step",
        waiting: "not measured yet",
        no_answer: "The network has not answered yet.",
        no_accuracy: "The accuracy is measured after every epoch; the first is not over yet.",
        no_gradient: "The gradient has not been measured yet.",
        answers: "Answer: probability of positive",
        accuracy: "Accuracy",
        states: "State after each token",
        state_gradient: "‖∂L/∂h‖ relative to the last step",
        memory_gradient: "‖∂L/∂c‖ and ‖∂L/∂h‖, relative",
        attention: "Who looks (row) at whom (column)",
        training_data: "training",
        unseen_data: "unseen",
        at_start: "at the start",
        at_best: "at best",
        now: "now",
        time: "t",
        this_order: "this order",
        other_order: "other order",
        halves: "it halves every {steps} steps back",
        is_flat: "it hardly fades",
        grows: "it grows on its way back",
        no_slope: "it has no clear slope",
        as_learnt: ", as it has learnt: its states lie near -1 and 1, where tanh is flat",
        smaller: "{times} times smaller than at the last",
        greater: "{times} times greater than at the last",
        as_great: "about as great as at the last",
        zero: "zero",
        states_same: "all states are the same",
        states_differ: "{count} of {tokens} states differ, the first after word {word}",
        states_differ_to_end: "the states differ from word {word} to the end, and are the same before",
        page: "page",
        back: "menu",
        pause: "pause",
        resume: "go on",
        full_speed: "full speed",
        help: "help",
        quit: "quit",
        swap: "swap words",
        next_word: "next word",
        next_network: "change",
    },
    help: WORDS,
    pages: [
        PageText {
            title: "Words without their order",
            text: &[
                "To a network a text is a row of tokens: words, each with a number. The simplest one \
                 learns a vector (a list of numbers) for every word, takes the mean of all, and gives the \
                 probability that the remark is positive.",
                "A mean forgets the order. But each remark here has a twin: the same words, and the \
                 opposite meaning.",
            ],
            task: "Space swaps “good” and “bad”.",
            networks: &[network(
                "mean",
                MEAN,
                "The answer is {answer}, in the other order {other}: difference {difference}. When last \
                 measured, after {step} steps of training, it was right for {accuracy} of the remarks that \
                 it has never seen; guessing gives 50 %.",
            )],
        },
        PageText {
            title: "A network with a loop",
            text: &[
                "A recurrent network (RNN) reads one word after the other. After each it has a state h: \
                 24 numbers, its memory. The next state is computed from the next word x and from h: a \
                 loop. So “not” can change what “good” means.",
                "Keras calls this layer SimpleRNN. W, U and b are learnt.",
            ],
            task: "Space swaps “good” and “bad” again.",
            networks: &[network(
                "SimpleRNN",
                LOOP,
                "The answer is {answer}, and {other} in the other order: difference {difference}. When last \
                 measured, after {step} steps, it was right for {accuracy} of the unseen remarks; guessing gives \
                 50 %.",
            )],
        },
        PageText {
            title: "The same network, unrolled in time",
            text: &[
                "Draw the cell once for each word, and the loop becomes a chain: the network is unrolled. \
                 All copies have the same weights; only word and state differ.",
                "A row of the picture is the state after a word, a column one unit: orange is above 0, \
                 blue below. Behind it stands the answer if the remark ended there.",
            ],
            task: "Space or + goes one word on, - one back.",
            networks: &[network(
                "SimpleRNN",
                &[],
                "After word {position} of {tokens}, “{word}”, the answer is {word_answer}. In the other \
                 order {differing}.",
            )],
        },
        PageText {
            title: "One answer, or one after every token",
            text: &["Keras by default takes the last state alone: many words, one answer (sequence to \
                 vector). With return_sequences=True there is an answer after every token (sequence to \
                 sequence): tags of words, the next letter. To learn the next letter, a network reads the true \
                 ones, whatever it predicted (teacher forcing)."],
            task: "Space changes between the two.",
            networks: &[
                network(
                    "to a vector",
                    TO_VECTOR,
                    "{tokens} words and one answer, the last row: {answer}. Right for {accuracy} of the \
                     unseen remarks after {step} steps.",
                ),
                network(
                    "to a sequence",
                    TO_SEQUENCE,
                    "{tokens} symbols and {tokens} answers: which symbol is next? Often two are \
                     possible. After {step} steps {accuracy} are hit, and {legal} follow the rules of \
                     this grammar (Reber's).",
                ),
            ],
        },
        PageText {
            title: "Two networks in Keras",
            text: &[
                "The lecture's networks for film reviews, as Keras writes them. Here they learn generated \
                 remarks, which need no download. `unrolled race lecture` compares more of them.",
                "In the stack the lower layer gives its state after every word (return_sequences) to the \
                 upper one, which reads the states as if they were words.",
            ],
            task: "Space changes the network and trains it.",
            networks: &[
                network(
                    "16 and 8 units",
                    STACK,
                    "SimpleRNN(16) below SimpleRNN(8): {parameters} parameters. After {step} steps it is \
                     right for {accuracy} of the unseen remarks.",
                ),
                network(
                    "8 units",
                    SINGLE,
                    "SimpleRNN(8) alone: {parameters} parameters. After {step} steps it is right for \
                     {accuracy} of the unseen remarks.",
                ),
            ],
        },
        PageText {
            title: "Back-propagation through time",
            text: &[
                "The loss says how wrong an answer was. The gradient says for each weight how to change \
                 it to lessen the loss. It is computed backwards, through every copy of the cell, from \
                 the last to the first: back-propagation through time (BPTT).",
                "The task: the first symbol is the class; the others mean nothing.",
            ],
            task: "+ and - change the number of symbols.",
            networks: &[
                network("6 symbols", BPTT, DEPTH),
                network("11 symbols", BPTT, DEPTH),
                network("21 symbols", BPTT, DEPTH),
                network("31 symbols", BPTT, DEPTH),
            ],
        },
        PageText {
            title: "The gradient vanishes",
            text: &[
                "Each step back multiplies the gradient by U and by the slope of tanh, mostly by less \
                 than 1. Do that often, and nothing is left: the vanishing gradient. (By more than 1 it \
                 is an exploding gradient, and is clipped.)",
                "What gets no gradient is not learnt. The half-life says after how many steps back half \
                 is left.",
            ],
            task: "+ and - set how far back the deciding symbol is.",
            networks: &[
                network("5 back", VANISHING, FADES),
                network("10 back", VANISHING, FADES),
                network("20 back", VANISHING, FADES),
                network("30 back", VANISHING, FADES),
            ],
        },
        PageText {
            title: "LSTM and GRU: gates against forgetting",
            text: &[
                "An LSTM has a second state, the cell c, that is not multiplied by U: c = f·c + i·g. The \
                 gates f and i are numbers between 0 (shut) and 1 (open). With f near 1 the cell goes on \
                 unchanged, and the gradient comes back through it. A GRU does it with one state.",
            ],
            task: "Space changes the cell. The symbol is 30 steps back.",
            networks: &[
                network(
                    "LSTM",
                    LSTM_CELL,
                    "LSTM: {accuracy} right at step {step}; guessing gives 50 %. At best {reach} of ∂L/∂c \
                     at the last step arrived at the first.",
                ),
                network(
                    "GRU",
                    GRU_CELL,
                    "GRU: {accuracy} right at step {step}; guessing gives 50 %. At best {reach} of the \
                     gradient at the last step arrived at the first.",
                ),
                network(
                    "SimpleRNN",
                    SIMPLE_CELL,
                    "SimpleRNN: {accuracy} right at step {step}; guessing gives 50 %. At best {reach} \
                     of the gradient at the last step arrived at the first.",
                ),
            ],
        },
        PageText {
            title: "Windows instead of memory: Conv1D",
            text: &[
                "A convolution has no state. A filter looks at a window of a few neighbouring words, and \
                 the same filter slides over the whole remark; the strongest response is kept (max \
                 pooling).",
                "It sees the order within the window and none beyond. Nothing has to be carried along, so \
                 it is quick to learn.",
            ],
            task: "+ and - change the window: 1, 2, 3, 5 words.",
            networks: &[
                network(
                    "1 word",
                    WINDOW_1,
                    "One word is no order. After {step} steps {accuracy} of the unseen remarks are right; \
                     guessing gives 50 %.",
                ),
                network(
                    "2 words",
                    WINDOW_2,
                    "“not bad” fits, “not very bad” does not. After {step} steps {accuracy} are right; \
                     guessing gives 50 %.",
                ),
                network(
                    "3 words",
                    WINDOW_3,
                    "“not very bad” fits into three words. After {step} steps {accuracy} are right; \
                     guessing gives 50 %.",
                ),
                network(
                    "5 words",
                    WINDOW_5,
                    "A phrase of five words fits. After {step} steps {accuracy} are right; guessing gives \
                     50 %.",
                ),
            ],
        },
        PageText {
            title: "Attention",
            text: &[
                "With attention each word looks at all others directly: its weights, which sum to 1, say \
                 how much at each. No path is long, so nothing vanishes on it.",
                "But a weighted mean knows no order. That must come from below: from a recurrent layer, \
                 or from positions added to the words, as in Transformers.",
            ],
            task: "Space: over the states of a SimpleRNN, or alone.",
            networks: &[
                network(
                    "over SimpleRNN",
                    OVER_STATES,
                    "“{looker}” looks most, at “{looked_at}” with weight {weight}. The answer is \
                     {answer}, in the other order {other}: difference {difference}. After {step} \
                     steps {accuracy} are right.",
                ),
                network(
                    "alone",
                    ALONE,
                    "“{looker}” looks most, at “{looked_at}” with weight {weight}. The answer is \
                     {answer}, in the other order {other}: difference {difference}. After {step} \
                     steps {accuracy} are right.",
                ),
            ],
        },
    ],
};
