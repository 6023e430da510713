/* Panes that are moved, and what a mouse points at, played without a terminal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/play.h"

Test(panes, fences_move_and_every_pane_keeps_some_room)
{
    static struct play p;

    for (int w = UI_MIN_WIDTH; w <= 140; w += 40) {
        play_begin(&p, w, w / 3);
        for (const char *k = "><}{"; *k; k++) {
            for (int i = 0; i < 200; i++)
                play_key(&p, *k);
            for (int pane = 0; pane < PANE_COUNT; pane++) {
                struct area a = ui_pane(&p.ui, NULL, (enum pane)pane);
                cr_expect(a.h >= 3 && a.w >= 19, "pane %d: %dx%d", pane, a.w, a.h);
            }
        }
        play_end(&p);
    }
}

static void click(struct play *p, enum pane pane, int row, int column)
{
    struct area a = ui_pane(&p->ui, NULL, pane);

    ui_mouse(&p->ui, MOUSE_CLICK, a.y + row, a.x + column);
    play_show(p);
}

Test(mouse, a_click_selects_in_each_pane)
{
    static struct play p;
    const vitro_event *headers;

    play_begin(&p, 80, 24);
    headers = hand_frame(&p.h, 1, 0, 0);
    click(&p, PANE_EVENTS, (int)headers->number, 5);
    cr_expect(eq(u32, p.ui.m.pick, headers->number));
    click(&p, PANE_TREE, 2, 3);
    cr_expect(eq(int, p.ui.m.focus, PANE_TREE));
    cr_expect(eq(sz, p.ui.m.line, 1));
    click(&p, PANE_BYTES, 1, 6 + 3 * 3);
    cr_expect(eq(int, p.ui.m.focus, PANE_BYTES));
    cr_expect(eq(u64, p.ui.m.byte, 3));
    click(&p, PANE_BYTES, 2, 6 + 8 * 3 + 1 + 2); /* in the text */
    cr_expect(eq(u64, p.ui.m.byte, 10));
    click(&p, PANE_INFO, 0, 0);
    cr_expect(eq(int, p.ui.m.focus, PANE_INFO));
    click(&p, PANE_EVENTS, 0, 0); /* the head */
    cr_expect(eq(u32, p.ui.m.pick, headers->number));
    play_end(&p);
}

Test(mouse, the_wheel_scrolls_what_it_is_over)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "2");
    ui_mouse(&p.ui, MOUSE_WHEEL_DOWN, 3, 3);
    cr_expect(eq(u32, p.ui.m.pick, 4));
    cr_expect(eq(int, p.ui.m.focus, PANE_TREE));
    ui_mouse(&p.ui, MOUSE_WHEEL_UP, 3, 3);
    cr_expect(eq(u32, p.ui.m.pick, 1));
    play_key(&p, '?');
    ui_mouse(&p.ui, MOUSE_WHEEL_DOWN, 3, 3);
    cr_expect(eq(sz, p.ui.help_top, 3));
    ui_mouse(&p.ui, MOUSE_CLICK, 3, 3);
    cr_expect(not(p.ui.help));
    play_end(&p);
}

Test(mouse, every_hint_is_clickable)
{
    static struct play p;

    play_begin(&p, 120, 24);
    ui_mouse(&p.ui, MOUSE_CLICK, 23, 2);
    cr_expect(p.ui.help);
    play_key(&p, UI_ESCAPE);
    for (size_t i = 0; i < p.ui.hint_count; i++) {
        if (p.ui.hints[i].action == ACT_EVENT_ON)
            ui_mouse(&p.ui, MOUSE_CLICK, 23, p.ui.hints[i].from + 1);
    }
    cr_expect(eq(u32, p.ui.m.pick, 2));
    play_end(&p);
}

Test(mouse, any_point_of_any_screen_is_safe)
{
    static struct play p;

    play_begin(&p, 80, 24);
    for (int w = 1; w <= 130; w += 43) {
        play_size(&p, w, w / 2);
        for (int y = -1; y <= p.ui.h; y++) {
            for (int x = -1; x <= p.ui.w; x += 3) {
                ui_mouse(&p.ui, (enum mouse)((x + y + 2) % 3), y, x);
                p.ui.prompt = 0;
                p.ui.quit = false;
            }
        }
        play_show(&p);
    }
    play_end(&p);
}
