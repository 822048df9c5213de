DROP TABLE draw_down;
DROP TABLE paperwork;
