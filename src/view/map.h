/* map.h - the boxes of the architecture and where they lie; between the files map*.c only.
 *
 * Row 0 is the top of the figure, column 0 its left edge; the figure is drawn from the bottom up, as in the paper. */
#ifndef VIEW_MAP_H
#define VIEW_MAP_H

#include "view/app.h"

typedef enum BoxKind {
    BOX_EMBED,
    BOX_POSITIONS,
    BOX_SUM,
    BOX_SEGMENTS, /* beside TYPED, as POSITIONS beside SUM */
    BOX_TYPED,
    BOX_NORM,
    BOX_ATTENTION,
    BOX_FFN,
    BOX_ADD,
    BOX_FINAL,
    BOX_HEAD, /* the output's own, without its norm */
    BOX_LOGITS,
    BOX_PROBS
} BoxKind;

typedef struct MapBox {
    BoxKind kind;
    Stack stack;
    Sub sub;
    int column;
    size_t first, end;  /* its stages, of the layer that is shown; equal where an ablation took them out */
    Ablations touching; /* the ablations that are on and change it or take it out */
    Rect r;
} MapBox;

/* What lies between the boxes of a column. */
typedef enum PartKind {
    PART_BOX,
    PART_INPUT,  /* the tokens that go in */
    PART_ARROW,
    PART_TAP,    /* where a residual leaves the stream; its box is the add it ends in */
    PART_FORK,   /* where attention's result turns aside and the FFN reads the stream: the two side by side; its box is the add */
    PART_BOTTOM, /* the frame around a layer */
    PART_TOP,
    PART_EXIT,   /* the encoder's result turns towards the decoder */
    PART_OUTPUT  /* what comes out of the softmax */
} PartKind;

typedef struct MapPart {
    PartKind kind;
    size_t box; /* PART_BOX; PART_TAP, PART_FORK: the add; else the next box above, or the last */
    int row, rows;
} MapPart;

enum { MAP_BOXES = 40, MAP_PARTS = 80, MAP_COLUMNS = 2 };

typedef struct MapColumn {
    Stack stack;
    size_t layer, layers; /* shown; how many */
    bool mirrored;        /* its residuals go around at the right, so that memory comes in from the left */
    int col, cols;        /* the frame */
    int box_col, box_cols, center, lane;
    int tall;             /* rows */
    MapPart parts[MAP_PARTS];
    size_t count;
} MapColumn;

typedef struct Map {
    MapBox boxes[MAP_BOXES]; /* of a column, from the bottom up */
    size_t count;
    MapColumn column[MAP_COLUMNS];
    int columns;      /* that are drawn */
    bool one_of_two;  /* too narrow for encoder and decoder: one of them is drawn */
    bool ingredients; /* attention and FFN have a line for what they are made of */
    size_t here;      /* the box of the current stage */
    size_t choice;
    int cols, rows;   /* of the figure */
    int note_cols;    /* columns beside it for a note on each box; 0: none */
    Rect view;        /* where on the canvas the figure is seen */
    int top, left;    /* its row and column that lie at view's corner; left is negative where it is centred */
} Map;

/* Boxes beside their sum, and the sums. */
static inline bool map_is_aside(BoxKind k)
{
    return k == BOX_POSITIONS || k == BOX_SEGMENTS;
}
static inline bool map_is_sum(BoxKind k)
{
    return k == BOX_SUM || k == BOX_TYPED;
}

/* Lays the figure out for an area of the canvas, whose last row is left free. */
void map_layout(const App *app, Rect area, Map *m);
/* Which box holds a stage. */
bool map_box_holds(const MapBox *b, const Stage *s);
/* The box at a place of the canvas, or -1. */
int map_box_at(const Map *m, int row, int col);
/* Where a box or column's cell lies on the canvas. */
int map_row(const Map *m, int row);
int map_col(const Map *m, int col);

/* ---- map_text.c: what is written in and beside the boxes ---- */

/* Pieces of one line, each in a role of its own. */
enum { PIECE_MAX = 40, PIECES_MAX = 64 };
typedef struct Pieces {
    struct {
        char text[PIECE_MAX];
        Role role;
        bool ends_line; /* a space where the line was broken */
    } at[PIECES_MAX];
    size_t count;
} Pieces;

/* "masked self-attention", translated */
const char *map_box_name(const App *app, const MapBox *b);
/* True where nothing of the box is left: taken out, or a norm that copies, positions that are zero, an add that adds nothing. */
bool map_box_is_off(const MapBox *b);
Role map_box_role(const App *app, const MapBox *b);
/* The box's name, then the stage that runs or the ablations that are on, in at most `columns`; `with_sign`: ✗ before what
 * an ablation touches (a box of one line has it at its edges). */
void map_label(const App *app, const Canvas *c, const MapBox *b, int columns, bool with_sign, Pieces *out);
/* "RoPE ÷√d mask softmax": what is inside, closer together where it does not fit into `columns`; nothing for other boxes than
 * attention and FFN. */
void map_ingredients(const App *app, const Canvas *c, const MapBox *b, int columns, Pieces *out);
/* The box's stages with their shapes, shorter where they would take more than `lines` lines of `columns`; its title first
 * where asked and where there is room. */
void map_note(const App *app, const Canvas *c, const MapBox *b, int columns, int lines, bool titled, Pieces *out);
/* Marks where pieces go on in another line, and returns how many lines there are. */
int map_break_pieces(const Canvas *c, Pieces *p, int columns);
/* Takes the first line off. */
Pieces map_take_line(Pieces *p);
int map_pieces_width(const Canvas *c, const Pieces *p);
/* Draws pieces, the last that fits cut with an ellipsis; returns the columns taken. */
int map_put_pieces(Canvas *c, int row, int col, int columns, const Pieces *p);

#endif
