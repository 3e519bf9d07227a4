use super::Form::{Plain, TarGz, Zip};
use super::Size::{About, Exactly};
use super::Sum::{Sha1, Sha256};
use super::{Dataset, File, Limits, Part};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Every data set, in the order in which they are listed.
pub const DATASETS: &[Dataset] = &[
    Dataset {
        name: "imdb",
        what: "50,000 film reviews, positive or negative (Maas et al. 2011)",
        terms: "none stated; its README asks to cite Maas et al. 2011",
        presets: &[
            "lecture-rnn8",
            "lecture-rnn16-rnn8",
            "imdb-dense",
            "imdb-lstm",
            "imdb-gru",
            "imdb-bilstm",
            "imdb-conv1d",
            "imdb-attention",
        ],
        files: &[File {
            target: "aclImdb",
            addresses: &["https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"],
            // tensorflow-datasets 4.9.10, datasets/imdb_reviews/checksums.tsv
            sum: Sha256("c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"),
            size: Exactly(84_125_825),
            form: TarGz(Part {
                within: "aclImdb/",
                // fifty thousand reviews that nobody has judged
                without: &["train/unsup"],
                limits: Limits { entries: 110_000, bytes: 500 * MIB, file: 100 * MIB },
            }),
        }],
        next: &["unrolled train lecture-rnn8 --data @aclImdb"],
    },
    Dataset {
        name: "mr",
        what: "10,662 sentences of film reviews, positive or negative (Pang & Lee 2005)",
        terms: "none stated; its README asks to cite Pang & Lee 2005",
        presets: &["mr-conv1d"],
        files: &[File {
            target: "rt-polaritydata",
            addresses: &[
                "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
                "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/rt-polaritydata.tar.gz",
            ],
            // github.com/huggingface/datasets at 040102f, datasets/rotten_tomatoes/dataset_infos.json, of the second address
            sum: Sha256("a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9"),
            size: Exactly(487_770),
            form: TarGz(Part {
                within: "rt-polaritydata/",
                without: &[],
                limits: Limits { entries: 20, bytes: 8 * MIB, file: 4 * MIB },
            }),
        }],
        next: &["unrolled train mr-conv1d --data @rt-polaritydata"],
    },
    Dataset {
        name: "names",
        what: "20,000 surnames in eighteen languages",
        terms: "none stated; of the tutorials of PyTorch",
        presets: &["names-gru"],
        files: &[File {
            target: "names",
            addresses: &["https://download.pytorch.org/tutorial/data.zip"],
            // github.com/pytorch/tutorials at 2286ae1, .jenkins/download_data.py
            sum: Sha256("fb317e80248faeb62dc25ef3390ae24ca34b94e276bbc5141fd8862c2200bff5"),
            size: About(2_900_000),
            form: Zip(Part {
                within: "data/names/",
                without: &[],
                limits: Limits { entries: 200, bytes: 40 * MIB, file: 20 * MIB },
            }),
        }],
        next: &["unrolled train names-gru --data @names"],
    },
    Dataset {
        name: "shakespeare",
        what: "1.1 million characters of Shakespeare (Karpathy 2015)",
        terms: "the text is in the public domain",
        presets: &["shakespeare-lstm"],
        files: &[File {
            target: "tinyshakespeare.txt",
            addresses: &[
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            ],
            // tensorflow-datasets 4.9.10, datasets/tiny_shakespeare/checksums.tsv
            sum: Sha256("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
            size: Exactly(1_115_394),
            form: Plain,
        }],
        next: &["unrolled train shakespeare-lstm --data @tinyshakespeare.txt"],
    },
    Dataset {
        name: "ag-news",
        what: "127,600 news in four subjects (Zhang et al. 2015)",
        terms: "for research and any other non-commercial activity",
        presets: &[],
        // github.com/huggingface/datasets at 040102f, datasets/ag_news/dataset_infos.json
        files: &[
            File {
                target: "ag_news/train.csv",
                addresses: &[
                    "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/train.csv",
                ],
                sum: Sha256("76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e"),
                size: Exactly(29_470_338),
                form: Plain,
            },
            File {
                target: "ag_news/test.csv",
                addresses: &[
                    "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/test.csv",
                ],
                sum: Sha256("521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"),
                size: Exactly(1_857_427),
                form: Plain,
            },
        ],
        next: &[
            "unrolled train imdb-lstm --data @ag_news/train.csv --set data.validation.path=@ag_news/test.csv --set data.label=1 --set data.text=3 --set model.2.units=4 --set model.2.activation=softmax --set train.loss=sparse_categorical_crossentropy",
        ],
    },
    Dataset {
        name: "sst2",
        what: "68,221 phrases of film reviews, positive or negative (Socher et al. 2013)",
        terms: "none stated; as it is in GLUE",
        presets: &[],
        files: &[File {
            target: "SST-2",
            addresses: &["https://dl.fbaipublicfiles.com/glue/data/SST-2.zip"],
            // tensorflow-datasets 4.9.10, url_checksums/glue.txt
            sum: Sha256("d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa"),
            size: Exactly(7_439_277),
            form: Zip(Part {
                within: "SST-2/",
                without: &["original"],
                limits: Limits { entries: 100, bytes: 100 * MIB, file: 50 * MIB },
            }),
        }],
        next: &["unrolled train imdb-lstm --data @SST-2/train.tsv --set data.validation.path=@SST-2/dev.tsv"],
    },
    Dataset {
        name: "speech-commands",
        what: "105,829 recordings of 35 spoken words, a second each (Warden 2018)",
        terms: "CC BY 4.0",
        presets: &[],
        files: &[File {
            target: "speech_commands",
            addresses: &["https://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"],
            // tensorflow-datasets 4.9.10, datasets/speech_commands/checksums.tsv; torchaudio 2.5.1, datasets/speechcommands.py
            sum: Sha256("af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"),
            size: Exactly(2_428_923_189),
            form: TarGz(Part {
                within: "",
                // minutes of noise, which is no word
                without: &["_background_noise_"],
                limits: Limits { entries: 120_000, bytes: 5 * GIB, file: 100 * MIB },
            }),
        }],
        next: &["unrolled new @speech_commands", "unrolled train speech_commands.yaml"],
    },
    Dataset {
        name: "glove-50d",
        what: "vectors of 400,000 words, 50 numbers each (GloVe, Pennington et al. 2014)",
        terms: "Public Domain Dedication and License 1.0",
        presets: &[],
        files: &[File {
            target: "glove.6B.50d.txt",
            addresses: &["https://d2l-data.s3-accelerate.amazonaws.com/glove.6B.50d.zip"],
            // d2l 1.0.3, d2l/torch.py
            sum: Sha1("0b8703943ccdb6eb788e6f091b8946e82231bc4d"),
            size: About(70_000_000),
            form: Zip(Part {
                within: "glove.6B.50d/vec.txt",
                without: &[],
                limits: Limits { entries: 20, bytes: GIB, file: GIB },
            }),
        }],
        next: &[
            "unrolled train imdb-lstm --data @aclImdb --set model.0.output_dim=50 --set model.0.vectors.path=@glove.6B.50d.txt",
        ],
    },
    Dataset {
        name: "glove-100d",
        what: "vectors of 400,000 words, 100 numbers each (GloVe, Pennington et al. 2014)",
        terms: "Public Domain Dedication and License 1.0",
        presets: &[],
        files: &[File {
            target: "glove.6B.100d.txt",
            addresses: &["https://d2l-data.s3-accelerate.amazonaws.com/glove.6B.100d.zip"],
            // d2l 1.0.3, d2l/torch.py
            sum: Sha1("cd43bfb07e44e6f27cbcc7bc9ae3d80284fdaf5a"),
            size: About(135_000_000),
            form: Zip(Part {
                within: "glove.6B.100d/vec.txt",
                without: &[],
                limits: Limits { entries: 20, bytes: GIB, file: GIB },
            }),
        }],
        next: &[
            "unrolled train imdb-lstm --data @aclImdb --set model.0.output_dim=100 --set model.0.vectors.path=@glove.6B.100d.txt",
        ],
    },
    Dataset {
        name: "glove-6b",
        what: "vectors of 400,000 words, 50 to 300 numbers each (GloVe, Pennington et al. 2014)",
        terms: "Public Domain Dedication and License 1.0",
        presets: &[],
        files: &[File {
            target: "glove.6B",
            addresses: &[
                "https://nlp.stanford.edu/data/glove.6B.zip",
                "https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip",
            ],
            // mxnet 1.9.1, mxnet/contrib/text/_constants.py; the length as servers told it in published transcripts
            sum: Sha1("b64e54f1877d2f735bdd000c1d7d771e25c7dfdc"),
            size: Exactly(862_182_613),
            form: Zip(Part {
                within: "",
                without: &[],
                limits: Limits { entries: 20, bytes: 4 * GIB, file: 2 * GIB },
            }),
        }],
        next: &[
            "unrolled train imdb-lstm --data @aclImdb --set model.0.output_dim=300 --set model.0.vectors.path=@glove.6B/glove.6B.300d.txt",
        ],
    },
];
