/* banned.h - functions that no source file of ours may call. The Makefile includes this header
 * before every file, so that a use is an error of the compiler and not of a reviewer. */
#ifndef FLOWTWIN_BASE_BANNED_H
#define FLOWTWIN_BASE_BANNED_H

/* Their own declarations come first. */
#include <stdio.h>  // IWYU pragma: keep
#include <stdlib.h> // IWYU pragma: keep
#include <string.h> // IWYU pragma: keep

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof

#endif
